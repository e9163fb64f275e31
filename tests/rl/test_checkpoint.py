"""Checkpoints on disk: a run deletes its own only, resumes the last one written, and survives a full disk."""

from __future__ import annotations

import errno
import json
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rlaif.errors import UserError
from rlaif.rl.checkpoint import checkpoints, find_checkpoint, read_checkpoint, write_checkpoint
from rlaif.rl.config import PPOConfig
from rlaif.rl.trainer import PPOTrainer

PROMPTS = [{"prompt": text} for text in ("a b", "c", "d e f", "g")]


def share_of_a(prompts: list[str], completions: list[str], **columns: Any) -> list[float]:
    return [text.split().count("a") / 4 for text in completions]


@pytest.fixture
def make(make_policy: Callable[..., nn.Module], tokenizer: Any, tmp_path: Path) -> Callable[..., PPOTrainer]:
    def make(num_rollouts: int, seed: int = 0, **changes: Any) -> PPOTrainer:
        settings: dict[str, Any] = {
            "output_dir": str(tmp_path), "save_steps": 1, "max_completion_length": 4, "rollout_batch_size": 4,
            "num_ppo_epochs": 1, "num_mini_batches": 1, "learning_rate": 1e-3, "lr_scheduler_type": "constant",
        }  # fmt: skip
        further = {name: changes.pop(name) for name in ("on_rollout",) if name in changes}
        config = PPOConfig(seed=seed, total_episodes=4 * num_rollouts, **{**settings, **changes})
        return PPOTrainer(make_policy(seed=seed), share_of_a, config, PROMPTS, tokenizer, **further)

    return make


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def seed_of(checkpoint: Path) -> int:
    return int(read_checkpoint(checkpoint)["config"]["seed"])


def test_a_second_run_in_a_folder_keeps_its_own_newest_and_the_first_runs(
    make: Callable[..., PPOTrainer], tmp_path: Path
) -> None:
    make(4).train()
    assert names(tmp_path) == {"checkpoint-4"}
    make(2, seed=1).train()
    assert names(tmp_path) == {"checkpoint-4", "checkpoint-2"}
    assert (seed_of(tmp_path / "checkpoint-4"), seed_of(tmp_path / "checkpoint-2")) == (0, 1)
    assert find_checkpoint(True, str(tmp_path)).name == "checkpoint-2"  # the last one written, not the highest number
    resumed = make(3, seed=1)
    resumed.train(resume_from_checkpoint=True)
    assert names(tmp_path) == {"checkpoint-4", "checkpoint-3"}  # what the run wrote that was resumed is its own


def test_a_checkpoint_of_another_run_is_put_aside_where_its_name_is_needed(
    make: Callable[..., PPOTrainer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for seed in range(3):
        make(3, seed=seed).train()
    assert names(tmp_path) == {"checkpoint-3", "checkpoint-3.before", "checkpoint-3.before-2"}
    assert [seed_of(tmp_path / name) for name in sorted(names(tmp_path))] == [2, 0, 1]
    assert "checkpoint-3 was there before this run, and is now checkpoint-3.before" in caplog.text
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-3"]


def test_folders_that_ppo_did_not_write_stay_and_are_not_resumed(
    make: Callable[..., PPOTrainer], tmp_path: Path
) -> None:
    others = ["checkpoint-7", "checkpoint-2", "checkpoint-5-mine", "checkpoint-best", "checkpoint-1.partial-notes"]
    for name in others:
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_text(name)
    with pytest.raises(UserError, match="no checkpoint to resume from"):
        find_checkpoint(True, str(tmp_path))
    make(3).train()
    assert names(tmp_path) == {*others, "checkpoint-3"} - {"checkpoint-2"} | {"checkpoint-2.before"}
    for name in others:
        kept = tmp_path / (f"{name}.before" if name == "checkpoint-2" else name)
        assert (kept / "model.safetensors").read_text() == name


def test_a_run_that_goes_on_from_an_earlier_checkpoint_keeps_what_came_after_it(
    make: Callable[..., PPOTrainer], tmp_path: Path
) -> None:
    make(3, save_total_limit=None).train()
    assert names(tmp_path) == {"checkpoint-1", "checkpoint-2", "checkpoint-3"}
    make(3, save_total_limit=1).train(resume_from_checkpoint=str(tmp_path / "checkpoint-1"))
    assert names(tmp_path) == {"checkpoint-2.before", "checkpoint-3", "checkpoint-3.before"}


def test_a_checkpoint_without_a_record_is_resumed(make: Callable[..., PPOTrainer], tmp_path: Path) -> None:
    """As it was written before there were records."""
    make(2).train()
    (tmp_path / "checkpoint-2" / "checkpoint.json").unlink()
    trainer = make(3)
    trainer.train(resume_from_checkpoint=True)
    assert trainer.rollout_index == 3
    assert names(tmp_path) == {"checkpoint-3"}


def test_another_model_than_the_checkpoints_is_one_line(
    make: Callable[..., PPOTrainer], make_policy: Callable[..., nn.Module], tokenizer: Any, tmp_path: Path
) -> None:
    trainer = make(2)
    trainer.train()
    other = PPOTrainer(make_policy(width=16), share_of_a, trainer.args, PROMPTS, tokenizer)
    with pytest.raises(UserError, match="checkpoint is of another model") as error:
        other.train(resume_from_checkpoint=True)
    assert "\n" not in str(error.value)


@pytest.fixture
def small_files() -> Iterator[Callable[[int], None]]:
    """A limit on what a file may hold, which the kernel enforces, as it does where a disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("size", [100, 20_000, 150_000])
def test_a_full_disk_is_one_line_and_leaves_the_checkpoints_before(
    make: Callable[..., PPOTrainer], tmp_path: Path, small_files: Callable[[int], None], size: int
) -> None:
    """The policy's config, its weights or the optimizer's state is what no longer fits."""

    def fill(step: int, metrics: dict[str, float], rollout: Any) -> None:
        if step == 3:
            small_files(size)

    trainer = make(4, on_rollout=fill)
    with pytest.raises(UserError, match=r"checkpoint-3: cannot be written \(.*written before is kept") as error:
        trainer.train()
    small_files(resource.RLIM_INFINITY)
    assert "\n" not in str(error.value)
    assert names(tmp_path) == {"checkpoint-2"}
    resumed = make(4)
    resumed.train(resume_from_checkpoint=True)
    whole = make(4, output_dir=str(tmp_path / "whole"))
    whole.train()
    for name, tensor in whole.actor_critic.state_dict().items():
        assert torch.equal(tensor, resumed.actor_critic.state_dict()[name]), name


def test_the_reason_is_named(tmp_path: Path) -> None:
    def save(directory: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)"):
        write_checkpoint(tmp_path, 1, {}, save, None)
    assert names(tmp_path) == set()


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_trained(
    make: Callable[..., PPOTrainer], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"output_dir=.*cannot be made"):
        make(1, output_dir=str(tmp_path / "file" / "inside"))


def test_what_reward_functions_log_is_written_whatever_it_is_made_of(
    make: Callable[..., PPOTrainer], tmp_path: Path
) -> None:
    import numpy as np

    def extra(prompts: list[str], completions: list[str], log_extra: Any, **columns: Any) -> list[float]:
        log_extra("number", [np.float32(0.5)] * len(prompts))
        log_extra("array", [torch.ones(2)] * len(prompts))
        log_extra("path", [Path("x")] * len(prompts))
        return [0.0] * len(prompts)

    trainer = make(1, log_completions=True)
    trainer.rewards = type(trainer.rewards)(extra)
    trainer.train()
    row = json.loads((tmp_path / "completions.jsonl").read_text().splitlines()[0])
    assert (row["number"], row["array"], row["path"]) == (0.5, [1.0, 1.0], "x")
