"""Processors: the library's default ones, with the sizes that the model takes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import transformers
from transformers import PretrainedConfig
from transformers.models.auto.feature_extraction_auto import FEATURE_EXTRACTOR_MAPPING_NAMES
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

from .class_info import CLASS_INFO_REPOSITORY, class_info_file, write_class_info

_SQUARE = (
    "ViTImageProcessor", "BeitImageProcessor", "DeiTImageProcessor", "BlipImageProcessor",
    "EfficientNetImageProcessor", "ChineseCLIPImageProcessor",
)  # fmt: skip
_CROPPED = ("EfficientNetImageProcessor", "ChineseCLIPImageProcessor")
_SHORTEST_EDGE = ("CLIPImageProcessor", "ConvNextImageProcessor", "VideoMAEImageProcessor")
# An image of the detectors' own size (800 x 1333) would cost a tiny model more than all the rest.
_DETECTION_SIZE = {"shortest_edge": 480, "longest_edge": 800}
_OPTIONS: dict[str, dict[str, Any]] = {
    "DetrImageProcessor": {"size": _DETECTION_SIZE},
    "ConditionalDetrImageProcessor": {"size": _DETECTION_SIZE},
    "DeformableDetrImageProcessor": {"size": _DETECTION_SIZE},
    "YolosImageProcessor": {"size": {"shortest_edge": 512, "longest_edge": 864}},
    "Mask2FormerImageProcessor": {"size": {"shortest_edge": 384, "longest_edge": 640}},
    "MaskFormerImageProcessor": {"size": {"shortest_edge": 384, "longest_edge": 640}},
    "OneFormerImageProcessor": {"size": {"shortest_edge": 384, "longest_edge": 640}},
    "Wav2Vec2FeatureExtractor": {"return_attention_mask": True},
}
_TOKENIZER_OF_PROCESSOR = {"WhisperProcessor": "WhisperTokenizer"}
_FROM_PARTS = ("MgpstrProcessor",)
"""Processors that are made of the saved parts when they are loaded, and get more from the hub when they are made."""


def write_processors(model_type: str, config: PretrainedConfig, tokenizer: Any, folder: Path) -> None:
    """Write the image processor or feature extractor of an architecture, and its processor where it has one.

    Args:
        tokenizer: what the repository's own files give; None where it has none.
    """
    part = _image_processor(model_type, config) or _feature_extractor(model_type)
    if part is not None:
        part.save_pretrained(folder)
    name = PROCESSOR_MAPPING_NAMES.get(model_type)
    if name is None or part is None or tokenizer is None:
        return
    if name in _FROM_PARTS:
        return
    if type(tokenizer).__name__.startswith("LayoutXLM"):
        name = "LayoutXLMProcessor"
    if name in _TOKENIZER_OF_PROCESSOR:
        tokenizer = getattr(transformers, _TOKENIZER_OF_PROCESSOR[name]).from_pretrained(folder)
    getattr(transformers, name)(part, tokenizer).save_pretrained(folder)


def square_image_processor(name: str, side: int) -> Any:
    """An image processor that gives square images of ``side`` pixels."""
    return getattr(transformers, name)(size={"height": side, "width": side})


def _image_processor(model_type: str, config: PretrainedConfig) -> Any:
    name = "VideoMAEImageProcessor" if model_type == "xclip" else IMAGE_PROCESSOR_MAPPING_NAMES.get(model_type)
    if isinstance(name, (tuple, list)):
        name = name[0]
    if name is None:
        return None
    options = dict(_OPTIONS.get(name, {}))
    side = getattr(getattr(config, "vision_config", config), "image_size", None)
    if isinstance(side, int) and name in _SQUARE:
        options["size"] = {"height": side, "width": side}
        if name in _CROPPED:
            options["crop_size"] = options["size"]
    elif isinstance(side, int) and name in _SHORTEST_EDGE:
        options["size"] = {"shortest_edge": side}
        if name in ("CLIPImageProcessor", "VideoMAEImageProcessor"):
            options["crop_size"] = {"height": side, "width": side}
    if name == "OneFormerImageProcessor":
        return _segmenter_of_named_classes(config, options)
    return getattr(transformers, name)(**options)


def _segmenter_of_named_classes(config: PretrainedConfig, options: dict[str, Any]) -> Any:
    """OneFormer's, which reads the classes' names from a data set when it is made: here from a folder in its place."""
    with tempfile.TemporaryDirectory() as folder:
        write_class_info(Path(folder))
        processor = transformers.OneFormerImageProcessor(
            num_text=config.num_queries - config.text_encoder_n_ctx,
            repo_path=folder,
            class_info_file=class_info_file(len(config.id2label)),
            **options,
        )
    processor.repo_path = CLASS_INFO_REPOSITORY
    return processor


def _feature_extractor(model_type: str) -> Any:
    name = FEATURE_EXTRACTOR_MAPPING_NAMES.get(model_type)
    return getattr(transformers, name)(**_OPTIONS.get(name, {})) if name else None
