"""Some rollouts and their updates with this project's PPOTrainer, all of it or without one of its techniques.

    python -m experiments.bench.ppo.train_ours TASK REPORT SEED NUM_ROLLOUTS [TECHNIQUE]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rlaif.rl import PPOConfig, PPOTrainer  # isort: skip  # first, as in a user's script: it imports torch faster

from experiments.bench.ppo.report import Report
from experiments.bench.ppo.task import EOS_ID, MAX_NEW_TOKENS, NUM_PROMPTS, PROMPT_TOKENS, SETTINGS, Task, text_of
from experiments.bench.ppo.techniques import SHARED_TRUNK


def main(task: Task, report_path: Path, seed: int, num_rollouts: int, without: str | None) -> None:
    report = Report()
    settings: dict[str, Any] = {}
    if without is not None:
        from experiments.bench.ppo import ablations

        switch, settings = ablations.switch_off(without), ablations.SETTINGS.get(without, {})
    trainer = make_trainer(task, seed, num_rollouts, report, settings, shared_trunk=without != SHARED_TRUNK)
    report.mark_built()
    trainer.train()
    if without is not None and not switch.was_used:
        raise RuntimeError(f"{without}: the trainer does not call what was replaced")
    report.write(report_path)


def make_trainer(
    task: Task, seed: int, num_rollouts: int, report: Report, settings: dict[str, Any], *, shared_trunk: bool = True
) -> PPOTrainer:
    """All samples go through the model at once, unless `settings` say otherwise: packed, they are few tokens."""
    config = PPOConfig(
        rollout_batch_size=NUM_PROMPTS,
        generation_batch_size=NUM_PROMPTS,
        total_episodes=NUM_PROMPTS * num_rollouts,
        max_prompt_length=PROMPT_TOKENS[1],
        max_completion_length=MAX_NEW_TOKENS,
        lr_scheduler_type="constant",
        bf16=False,
        seed=seed,
        **{"per_device_train_batch_size": NUM_PROMPTS, **SETTINGS, **settings},
    )

    def note_lengths(prompts: Any, completions: Any, completion_ids: list[list[int]], **_: Any) -> list[float]:
        report.response_lengths += map(len, completion_ids)
        return [0.0] * len(completion_ids)

    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(task.policy)
    assert tokenizer.eos_token_id == EOS_ID
    return PPOTrainer(
        model=task.policy,
        reward_funcs=[task.reward_model, note_lengths],
        args=config,
        train_dataset=[{"prompt": text_of(ids) + " "} for ids in task.prompts()],
        processing_class=tokenizer,
        value_model=None if shared_trunk else task.reward_model,
    )


if __name__ == "__main__":
    technique = sys.argv[5] if len(sys.argv) > 5 else None
    main(Task(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), technique)
