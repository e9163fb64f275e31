"""What the API database says of TensorFlow Hub: which handles there are, and what contract each one's model has.

A contract is a function of `builder/` that writes a SavedModel, and what it needs to know:
image sizes, numbers of outputs. They follow the pages that tfhub.dev had of each model: which
file format, which inputs of which type, whether the image size is fixed, which outputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from rlaif.records import ApiRow

_HANDLE = re.compile(r"https?://(?:www\.)?tfhub\.dev/[\w./-]*\w")

_MOBILENET = re.compile(r"mobilenet_v[123](?:_(?:large|small))?_(\d{3})_(\d{3})/")
_DIMENSIONS = re.compile(r"(\d+)[-_]?dim\b|dim[-_]?(\d+)")

_NUM_CLASSES = 1001  # ImageNet's, and the background
_FEATURES = (  # what is before the last layer
    (r"mobilenet_v3_small", 1024),
    (r"mobilenet_v1", 1024),
    (r"mobilenet_v[23]|efficientnet", 1280),
    (r"inception_v1", 1024),
    (r"inception_resnet_v2", 1536),
    (r"", 2048),
)

Options = dict[str, int | bool | str | None]

# The first pattern that is found in "publisher/model/version: domain", in lower case, decides.
# "legacy" models are of TensorFlow 1's Hub format: they have signatures, and cannot be called.
_CONTRACTS: tuple[tuple[str, str, Options], ...] = (
    (r"universal-sentence-encoder", "text.embedding", {"dimensions": 512, "checks_rank": False}),
    (r"nnlm|swivel|wiki-words|elmo|random-nnlm", "text.embedding", {"dimensions": 128, "checks_rank": True}),
    (r"^google/yamnet/", "audio.event_classifier", {}),
    (r"wav2vec2", "audio.speech_encoder", {"samples": 246_000}),
    (r"movenet/singlepose/lightning", "images.pose_model", {"size": 192}),
    (r"movenet/singlepose/thunder", "images.pose_model", {"size": 256}),
    (r"^google/(?:openimages_v4/ssd/mobilenet_v2|faster_rcnn/openimages_v4/inception_resnet_v2)/",
     "detection.legacy_detector", {}),
    (r"openimages_v4|/oid_v4/", "detection.detector", {"dtype": "float32", "raw": False}),
    (r"efficientdet/lite", "detection.lite_detector", {}),
    (r"centernet", "detection.detector", {"dtype": "uint8", "raw": False}),
    (r"^tensorflow/(?:ssd|faster_rcnn|efficientdet|retinanet|mask_rcnn)|object.detection",
     "detection.detector", {"dtype": "uint8", "raw": True}),
    (r"deeplab|segmentation", "images.segmenter", {"dtype": "uint8"}),
    (r"i3d|movinet|video", "images.video_classifier", {"num_classes": 400}),
    (r"^google/imagenet/inception_v3/(?:classification|feature_vector)/1:", "images.legacy_image_model", {}),
    (r"text|sentence|language", "text.embedding", {"dimensions": 512, "checks_rank": True}),
    (r"audio|speech|sound", "audio.event_classifier", {}),
    (r"", "images.image_model", {}),
)  # fmt: skip


@dataclass(frozen=True)
class Model:
    """One handle, and the SavedModel that is to stand for it."""

    handle: str
    contract: str
    """module.function of `builder/`"""
    options: Options = field(default_factory=dict, hash=False)


def survey(database: Iterable[ApiRow]) -> list[Model]:
    """The handles that the rows' calls and example code name, each once, by handle."""
    domains: dict[str, str] = {}
    for row in database:
        for handle in _HANDLE.findall(f"{row.api_call}\n{row.examples}"):
            domains.setdefault(handle, row.domain)
    return [find_contract(handle, domains[handle]) for handle in sorted(domains)]


def find_contract(handle: str, domain: str) -> Model:
    """The contract of one handle. The domain decides only where the handle itself says nothing."""
    name = handle.lower().split("tfhub.dev/", 1)[1]
    for address in (f"{name}:", f"{name}: {domain.lower().replace('-', ' ')}"):
        for pattern, contract, options in _CONTRACTS[:-1]:
            if re.search(pattern, address):
                return Model(handle, contract, _complete(contract, options, name))
        if "imagenet" in name or "mobilenet" in name:
            break
    return Model(handle, "images.image_model", _complete("images.image_model", {}, name))


def _complete(contract: str, options: Options, name: str) -> Options:
    """What the handle's own name says of sizes."""
    if contract == "text.embedding":
        stated = _DIMENSIONS.search(name)
        return options | ({"dimensions": int(stated[1] or stated[2])} if stated else {})
    if contract in ("images.image_model", "images.legacy_image_model"):
        return options | {"size": _image_size(name), "outputs": _num_outputs(name)}
    return options


def _image_size(name: str) -> int | None:
    """The side of the images that a model takes; None where it takes any."""
    stated = _MOBILENET.search(name)
    if stated and not stated[0].startswith("mobilenet_v1"):
        return int(stated[2])  # "fixed", say the pages of MobileNet V2 and V3
    if "tf2-preview/mobilenet_v2" in name:
        return 224
    if re.search(r"inception_v3/\w+/1$", name):
        return 299
    return None  # "by default, but other input sizes are possible"


def _num_outputs(name: str) -> int:
    if "classification" in name or "classifier" in name:
        return _NUM_CLASSES
    width = _MOBILENET.search(name)
    features = next(number for pattern, number in _FEATURES if re.search(pattern, name))
    if width is None:
        return features
    multiplier = int(width[1]) / 100
    # MobileNet V1 is thinner throughout; V2's last layer only grows; V3's stays.
    if "mobilenet_v1" in name:
        return int(features * multiplier)
    if "mobilenet_v2" in name:
        return max(features, int(features * multiplier))
    return features
