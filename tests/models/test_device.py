"""One place decides the device: by PyTorch's accelerator, the launcher's rank, and what accelerate is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from rlaif.config import Precision
from rlaif.models import device as devices
from rlaif.models.fit_settings import FitSettings, training_arguments

NAMES = ("ACCELERATE_TORCH_DEVICE", "ACCELERATE_USE_CPU", "LOCAL_RANK")


@pytest.fixture
def four_xpus(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda *given: torch.device("xpu"))
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 4)
    monkeypatch.setattr(torch.accelerator, "current_device_index", lambda: 2)
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "device"),
    [
        ({}, "xpu:2"),
        ({"LOCAL_RANK": "0"}, "xpu:0"),
        ({"LOCAL_RANK": "3"}, "xpu:3"),
        ({"LOCAL_RANK": "5"}, "xpu:1"),
        ({"ACCELERATE_USE_CPU": "true", "LOCAL_RANK": "1"}, "cpu"),
        ({"ACCELERATE_USE_CPU": "false"}, "xpu:2"),
        ({"ACCELERATE_TORCH_DEVICE": "cpu"}, "cpu"),
    ],
)
def test_the_launcher_says_which_accelerator(
    four_xpus: pytest.MonkeyPatch, variables: dict[str, str], device: str
) -> None:
    for name, value in variables.items():
        four_xpus.setenv(name, value)
    assert devices.current_device() == torch.device(device)


def test_an_accelerator_that_cannot_be_used_is_none(four_xpus: pytest.MonkeyPatch) -> None:
    four_xpus.setattr(torch.accelerator, "is_available", lambda: False)
    assert devices.current_device() == torch.device("cpu")


def test_a_gpu_that_emulates_bf16_computes_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert not devices.computes_in_bf16(torch.device("cuda", 0))


def test_shared_weights_stay_shared_where_parameters_are_replaced() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    model = nn.Sequential(first, nn.Sequential(second))
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # as on kinds of devices unlike the CPU
    try:
        before = model[0].weight
        devices.moved(model, torch.device("meta"))
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)
    assert model[0].weight is not before and model[0].weight.device.type == "meta"
    assert model[0].weight is model[1][0].weight


def test_a_seed_holds_inside_only() -> None:
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    with devices.seeded(1):
        inside = torch.rand(4)
    assert torch.equal(torch.rand(4), expected)
    assert torch.equal(inside, torch.rand(4, generator=torch.Generator().manual_seed(1)))


def test_what_is_saved_of_foreign_devices_lies_on_the_cpu() -> None:
    state = {"a": [torch.ones(2), 3], "b": {"c": torch.zeros(1)}}
    assert devices.saveable(state)["a"][0] is state["a"][0]
    with pytest.raises(NotImplementedError):  # a meta tensor has nothing to copy: it was taken for foreign
        devices.saveable({"a": torch.ones(2, device="meta")})


@pytest.mark.parametrize("asked", ["bf16", "fp16"])
def test_the_policys_precision_decides_not_accelerates_config(
    asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", asked)
    settings = FitSettings(1e-3, 2, 1, 1, 0.0, 0.0, 1.0)
    assert training_arguments(settings, 4, tmp_path, 0, Precision.fp32).mixed_precision == "no"
