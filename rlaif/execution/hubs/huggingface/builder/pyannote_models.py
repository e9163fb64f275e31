"""Repositories of pyannote.audio: a Lightning checkpoint of a tiny network, or a pipeline's config that names one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding import XVectorSincNet
from pyannote.audio.models.segmentation import PyanNet

from .recipes import NotBuildable, Recipe

SEGMENTATION, EMBEDDING = "pyannote/segmentation", "pyannote/embedding"
_WEIGHTS = "pytorch_model.bin"
_THRESHOLDS = {"min_duration_on": 0.1, "min_duration_off": 0.1}
_CLUSTERING = {"method": "centroid", "min_cluster_size": 15, "threshold": 0.7153814381597874}
# What the pipelines' own configs say, but for the embedding: one of pyannote's, which needs no other library.
_PIPELINES: dict[str, dict[str, Any]] = {
    "speaker-diarization": {
        "pipeline": {
            "name": "pyannote.audio.pipelines.SpeakerDiarization",
            "params": {"segmentation": SEGMENTATION, "embedding": EMBEDDING, "clustering": "AgglomerativeClustering"},
        },
        "params": {
            "segmentation": {"threshold": 0.4442333667381752, "min_duration_off": 0.5817029604921046},
            "clustering": _CLUSTERING,
        },
    },
    "overlapped-speech-detection": {
        "pipeline": {
            "name": "pyannote.audio.pipelines.OverlappedSpeechDetection",
            "params": {"segmentation": SEGMENTATION},
        },
        "params": {"onset": 0.5, "offset": 0.5, **_THRESHOLDS},
    },
    "voice-activity-detection": {
        "pipeline": {
            "name": "pyannote.audio.pipelines.VoiceActivityDetection",
            "params": {"segmentation": SEGMENTATION},
        },
        "params": {"onset": 0.5, "offset": 0.5, **_THRESHOLDS},
    },
}


def build_pyannote(recipe: Recipe, folder: Path) -> None:
    """Write a model's checkpoint, a pipeline's config, or both. Raises NotBuildable for a network of other code."""
    name = recipe.name.lower()
    if "brouhaha" in name:
        raise NotBuildable("its network is of the brouhaha package, which is not in the environment")
    if "embedding" in name:
        _save(XVectorSincNet(dimension=16), _embedding_task(), folder)
        return
    _save(_segmentation_network(), _segmentation_task(), folder)
    for task, config in _PIPELINES.items():
        if re.search(task, name):
            (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


def _segmentation_network() -> Model:
    lstm = {"hidden_size": 8, "num_layers": 1, "bidirectional": True, "monolithic": True, "dropout": 0.0}
    return PyanNet(lstm=lstm, linear={"hidden_size": 8, "num_layers": 1})


def _segmentation_task() -> Specifications:
    """Up to three speakers at once, in windows of five seconds."""
    return Specifications(
        problem=Problem.MULTI_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=5.0,
        warm_up=(0.0, 0.0),
        classes=["speaker#1", "speaker#2", "speaker#3"],
        permutation_invariant=True,
    )


def _embedding_task() -> Specifications:
    return Specifications(
        problem=Problem.REPRESENTATION,
        resolution=Resolution.CHUNK,
        duration=5.0,
        min_duration=1.0,
        classes=["speaker"],
    )


def _save(model: Model, task: Specifications, folder: Path) -> None:
    """What Lightning keeps of a model, written without a trainer."""
    model.specifications = task
    model.setup()
    checkpoint: dict[str, Any] = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "hparams_name": "kwargs",
        "epoch": 0,
        "global_step": 0,
        "pytorch-lightning_version": lightning.__version__,
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder / _WEIGHTS)
