"""What of accelerate's config is heeded. What FSDP2 computes is in `test_processes`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from rlaif.errors import UserError
from rlaif.rl import PPOConfig, PPOTrainer
from rlaif.rl.parts import require_precision
from rlaif.rl.processes import Processes
from rlaif.rl.sharding import Sharding, asked_for


@pytest.fixture
def launched_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """As `accelerate launch` tells its processes."""

    def launch(**fsdp: str) -> None:
        monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
        for name, value in fsdp.items():
            monkeypatch.setenv(f"FSDP_{name}", value)

    return launch


def test_without_fsdp_nothing_is_cut() -> None:
    assert asked_for() is None


@pytest.mark.parametrize("reshard", [True, False])
def test_fsdp2(launched_with: Callable[..., None], reshard: bool) -> None:
    launched_with(VERSION="2", RESHARD_AFTER_FORWARD=str(reshard).lower())
    assert asked_for() == Sharding(reshard_after_forward=reshard)


@pytest.mark.parametrize(
    ("fsdp", "message"),
    [({"VERSION": "1"}, "fsdp_version: 2"), ({"VERSION": "2", "OFFLOAD_PARAMS": "true"}, "offload")],
)
def test_what_is_not_supported_is_said(launched_with: Callable[..., None], fsdp: Any, message: str) -> None:
    launched_with(**fsdp)
    with pytest.raises(UserError, match=message):
        asked_for()


def test_a_precision_that_would_not_be_heeded_is_an_error() -> None:
    require_precision("no", PPOConfig(bf16=True))
    require_precision("bf16", PPOConfig(bf16=True))
    for asked, config in (("bf16", PPOConfig()), ("fp16", PPOConfig(bf16=True))):
        with pytest.raises(UserError, match=f"mixed_precision: {asked}"):
            require_precision(asked, config)


def test_the_precision_of_a_trainer_before_is_not_taken_for_accelerates_config(
    make_policy: Callable[..., Any], tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fit in bf16 leaves it in accelerate's state, which all that comes after in a process shares."""
    monkeypatch.delenv("ACCELERATE_MIXED_PRECISION", raising=False)
    AcceleratorState._reset_state(reset_partial_state=True)
    Accelerator(cpu=True, mixed_precision="bf16")
    try:
        config, prompts = PPOConfig(max_prompt_length=8, max_completion_length=4), [{"prompt": "a"}]
        PPOTrainer(make_policy(), lambda completions, **_: [0.0] * len(completions), config, prompts, tokenizer)
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)


def test_checkpoints_of_pieces_and_of_wholes_are_told_apart() -> None:
    class Alone:
        process_index, num_processes = 0, 1

    with pytest.raises(UserError, match="made with FSDP2"):
        Processes(Alone()).load_training_state(None, None, {"is_sharded": True})  # type: ignore[arg-type]
