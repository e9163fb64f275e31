"""The tiny config of an architecture: the library's default, shrunk, with what the repository's name adds to it."""

from __future__ import annotations

import re
from typing import Any

import transformers
from transformers import CONFIG_MAPPING, PretrainedConfig

from .generation import task_parameters
from .labels import labels_of
from .shrinking import WIDTH, shrink

_TOKEN_IDS = ("pad", "bos", "eos", "sep", "cls", "mask")
_IMAGE_SIZE = re.compile(r"(?<!\d)(192|224|256|320|336|384|448|512|640)(?:px)?(?!\d)")
_SIZED = ("vit", "beit", "deit", "swin", "swinv2", "convnext", "clip", "chinese_clip", "data2vec-vision")
_TINY_ENCODER = {"hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_STAGES = ["stage1", "stage2", "stage3", "stage4"]
MAX_NEW_LENGTH = 40
"""Longest text that a model makes unless it is told otherwise."""
MAX_TEXT_LENGTH = 160
"""The same with a prompt before it, which a small vocabulary cuts into more tokens than a real one."""


def tiny_config(model_type: str, name: str, task: str) -> PretrainedConfig:
    """The config, but for what depends on the tokenizer (`fit_tokenizer`).

    Args:
        model_type: the library's name of the architecture; not one that is made of two (`vision-encoder-decoder`).
        name: the repository's id.
        task: as `architectures.task_of` gives it.
    """
    special = _SPECIAL.get(model_type)
    if model_type == "hifigan":
        config = shrink(transformers.SpeechT5HifiGanConfig())
    elif special is not None:
        config = special(model_type, name, task)
    else:
        config = shrink(CONFIG_MAPPING[model_type]())
    size = image_size(model_type, name)
    for part in (config, getattr(config, "vision_config", None)):
        if size is not None and hasattr(part, "image_size"):
            part.image_size = size
    set_labels(config, labels_of(task, name))
    parameters = task_parameters(model_type, name, task, MAX_TEXT_LENGTH)
    if parameters is not None:
        config.task_specific_params = parameters
    return config


def image_size(model_type: str, name: str) -> int | None:
    """The size in pixels that a name such as vit-base-patch16-384 tells, where the architecture is for one size."""
    if model_type == "swinv2":
        return 256
    found = _IMAGE_SIZE.findall(name) if model_type in _SIZED else []
    return int(found[-1]) if found else None


def set_labels(config: PretrainedConfig, labels: list[str] | None) -> None:
    """Give a config its labels; None leaves those that it has."""
    if labels is not None:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: number for number, label in enumerate(labels)}


def fit_tokenizer(config: PretrainedConfig, tokenizer: Any, num_tokens: int) -> None:
    """Set the vocabulary's size and the special tokens' ids, also in the text part of a config of several parts."""
    parts = [config, getattr(config, "text_config", None), getattr(config, "decoder", None)]
    for part in (part for part in parts if isinstance(part, PretrainedConfig)):
        if hasattr(part, "vocab_size"):
            part.vocab_size = num_tokens
        for kind in _TOKEN_IDS:
            number = getattr(tokenizer, f"{kind}_token_id", None)
            _set_id(part, f"{kind}_token_id", number, num_tokens)
        _fit_generation(part, num_tokens)


def _set_id(config: PretrainedConfig, attribute: str, number: int | None, num_tokens: int) -> None:
    if number is not None:
        setattr(config, attribute, number)
        return
    current = getattr(config, attribute, None)
    if isinstance(current, int) and current >= num_tokens:
        # A text starts and ends with some token; 2 is one in every vocabulary.
        setattr(config, attribute, 2 if attribute in ("bos_token_id", "eos_token_id") else None)


def _fit_generation(config: PretrainedConfig, num_tokens: int) -> None:
    start = getattr(config, "decoder_start_token_id", None)
    if config.is_encoder_decoder and (start is None or start >= num_tokens):
        default = config.bos_token_id if config.bos_token_id is not None else config.pad_token_id
        config.decoder_start_token_id = default or 0
    forced = getattr(config, "forced_bos_token_id", None)
    if forced is not None and forced >= num_tokens:
        config.forced_bos_token_id = None
    if getattr(config, "forced_eos_token_id", None) is not None:
        config.forced_eos_token_id = config.eos_token_id
    for name in ("suppress_tokens", "begin_suppress_tokens"):
        if getattr(config, name, None):
            setattr(config, name, None)
    if getattr(config, "max_length", 20) > MAX_NEW_LENGTH:
        config.max_length = MAX_NEW_LENGTH


def _detector(model_type: str, name: str, task: str) -> PretrainedConfig:
    segments = task == "Image Segmentation"
    stages = _STAGES if segments else _STAGES[1:] if model_type == "deformable_detr" else _STAGES[3:]
    config = CONFIG_MAPPING[model_type](
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config=shrink(transformers.ResNetConfig(out_features=stages)),
    )
    shrink(config)
    config.num_queries = 100
    if segments:  # the mask head's group norms divide these
        config.d_model, config.encoder_attention_heads, config.decoder_attention_heads = 64, 8, 8
    return config


def _mask_segmenter(model_type: str, name: str, task: str) -> PretrainedConfig:
    backbone = transformers.SwinConfig(out_features=_STAGES, image_size=384, window_size=7)
    config = CONFIG_MAPPING[model_type](backbone_config=shrink(backbone))
    sizes = {"hidden_dim": WIDTH, "mask_feature_size": WIDTH, "fpn_feature_size": WIDTH, "feature_size": WIDTH}
    sizes |= {"encoder_feedforward_dim": 64, "dim_feedforward": 64, "num_attention_heads": 4, "conv_dim": WIDTH}
    sizes |= {
        "mask_dim": WIDTH,
        "text_encoder_width": WIDTH,
        "text_encoder_proj_layers": 1,
        "text_encoder_num_layers": 1,
    }
    sizes |= {"decoder_layers": 3, "encoder_layers": 2, "num_queries": 20, "text_encoder_context_length": 77}
    for attribute, size in sizes.items():
        if hasattr(config, attribute):
            setattr(config, attribute, size)
    if model_type == "maskformer":
        shrink(config.decoder_config)
        config.decoder_config.num_queries = 20
    return config


def _two_part_captioner(model_type: str, name: str, task: str) -> PretrainedConfig:
    if "t5" in name.lower():
        text = {"model_type": "t5", "d_model": WIDTH, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
    else:
        text = {"model_type": "opt", "hidden_size": WIDTH, "ffn_dim": 64, "word_embed_proj_dim": WIDTH}
        text |= {"num_hidden_layers": 2, "num_attention_heads": 4}
    config = CONFIG_MAPPING[model_type](
        vision_config=dict(_TINY_ENCODER),
        qformer_config={**_TINY_ENCODER, "encoder_hidden_size": WIDTH},
        text_config=text,
    )
    config.num_query_tokens = 8
    return config


def _blip(model_type: str, name: str, task: str) -> PretrainedConfig:
    config = shrink(transformers.BlipConfig())
    config.text_config.encoder_hidden_size = config.image_text_hidden_size = WIDTH
    return config


def _clip_segmenter(model_type: str, name: str, task: str) -> PretrainedConfig:
    config = shrink(transformers.CLIPSegConfig())
    config.extract_layers, config.reduce_dim = [0, 1], 16
    config.decoder_num_attention_heads, config.decoder_intermediate_size = 4, 32
    return config


def _upernet(model_type: str, name: str, task: str) -> PretrainedConfig:
    backbone = shrink(transformers.ConvNextConfig(out_features=_STAGES))
    return transformers.UperNetConfig(backbone_config=backbone, hidden_size=16, auxiliary_in_channels=16)


def _trajectories(model_type: str, name: str, task: str) -> PretrainedConfig:
    """The state and action sizes are those of the environment in the name."""
    config = shrink(transformers.DecisionTransformerConfig())
    sizes = {"halfcheetah": (17, 6), "walker2d": (17, 6), "hopper": (11, 3)}
    config.state_dim, config.act_dim = next((s for key, s in sizes.items() if key in name), (17, 4))
    return config


def _pix2struct(model_type: str, name: str, task: str) -> PretrainedConfig:
    config = shrink(transformers.Pix2StructConfig())
    config.text_config.d_ff = config.text_config.hidden_size
    return config


def _xclip(model_type: str, name: str, task: str) -> PretrainedConfig:
    config = shrink(transformers.XCLIPConfig())
    config.vision_config.mit_hidden_size = config.vision_config.hidden_size
    config.vision_config.num_frames = 32 if "zero-shot" in name else 8
    config.prompt_num_attention_heads, config.prompt_layers = 4, 1
    return config


def _timesformer(model_type: str, name: str, task: str) -> PretrainedConfig:
    config = shrink(transformers.TimesformerConfig())
    config.num_frames = 16 if "-hr-" in name else 96 if "-large-" in name else 8
    config.image_size = 448 if "-hr-" in name else 224
    return config


def _align(model_type: str, name: str, task: str) -> PretrainedConfig:
    """EfficientNet's own narrowest form; its widths come out of coefficients."""
    config = shrink(transformers.AlignConfig())
    config.vision_config.width_coefficient, config.vision_config.depth_coefficient = 0.1, 0.1
    config.vision_config.hidden_dim = 128
    config.projection_dim = config.text_config.projection_dim = 128
    config.vision_config.image_size = 289
    return config


_SPECIAL = {
    **dict.fromkeys(("detr", "conditional_detr", "deformable_detr", "table-transformer"), _detector),
    **dict.fromkeys(("maskformer", "mask2former", "oneformer"), _mask_segmenter),
    **dict.fromkeys(("blip-2", "instructblip"), _two_part_captioner),
    "align": _align,
    "blip": _blip,
    "clipseg": _clip_segmenter,
    "decision_transformer": _trajectories,
    "pix2struct": _pix2struct,
    "timesformer": _timesformer,
    "upernet": _upernet,
    "xclip": _xclip,
}
