"""Repositories of timm. A model's name alone fixes its size there, so that its weights cannot be made smaller.

They are zeros, in files with holes: these have their full length and take next to no room.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from torch.overrides import TorchFunctionMode

from .recipes import NotBuildable, Recipe

MAX_PARAMETERS = 100_000_000


class _WithoutWeights(TorchFunctionMode):
    """Layers take no memory; under `torch.device("meta")` the numbers that timm computes with would be lost too."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func is torch.empty:
            given["device"] = "meta"
        return func(*args, **given)


def build_timm_model(recipe: Recipe, folder: Path) -> None:
    """Write config and weights. Raises NotBuildable where the model is too large for a sandbox."""
    architecture, _, tag = recipe.name.rsplit("/", 1)[-1].partition(".")
    with _WithoutWeights():
        model = timm.create_model(architecture)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    number = sum(math.prod(shape) for shape in shapes.values())
    if number > MAX_PARAMETERS:
        raise NotBuildable(f"timm fixes its size, which is {number / 1e6:.0f} million parameters")
    _write_zeros(shapes, folder / "model.safetensors")
    pretrained = {**model.pretrained_cfg, "tag": tag, "hf_hub_id": recipe.name, "source": "hf-hub"}
    config = {
        "architecture": architecture,
        "num_classes": model.num_classes,
        "num_features": model.num_features,
        "pretrained_cfg": {key: value for key, value in pretrained.items() if value is not None},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


def _write_zeros(shapes: dict[str, tuple[int, ...]], path: Path) -> None:
    """A safetensors file of zeros: a header, and a hole behind it."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
