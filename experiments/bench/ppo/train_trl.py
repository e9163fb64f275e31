"""Some rollouts and their updates with TRL's PPOTrainer, in the environment that holds trl==1.12.0.

    python -m experiments.bench.ppo.train_trl TASK REPORT SEED NUM_ROLLOUTS MICRO_BATCH

As in TRL's example script: a reference, a value model and a reward model of the policy's shape,
the value model started from the reward model. What would slow it down without need is off:
gradient checkpointing, bf16 (slower on CPUs), sample tables, saving.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
)
from trl.experimental.ppo import PPOConfig, PPOTrainer

from experiments.bench.ppo.report import Report
from experiments.bench.ppo.task import EOS_ID, MAX_NEW_TOKENS, NUM_PROMPTS, SETTINGS, Task


def main(task: Task, report_path: Path, seed: int, num_rollouts: int, micro_batch: int) -> None:
    report = Report()
    with tempfile.TemporaryDirectory() as output_dir:
        trainer = make_trainer(task, output_dir, seed, num_rollouts, micro_batch)
        watch_lengths(trainer, report, [len(ids) for ids in task.prompts()])
        report.mark_built()
        trainer.train()
    report.write(report_path)


def make_trainer(task: Task, output_dir: str, seed: int, num_rollouts: int, micro_batch: int) -> PPOTrainer:
    policy, reference = (AutoModelForCausalLM.from_pretrained(task.policy, dtype="float32") for _ in range(2))
    value, reward = (
        AutoModelForSequenceClassification.from_pretrained(task.reward_model, dtype="float32", num_labels=1)
        for _ in range(2)
    )
    tokenizer = AutoTokenizer.from_pretrained(task.policy)
    config = PPOConfig(
        output_dir=output_dir,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=NUM_PROMPTS // micro_batch,
        local_rollout_forward_batch_size=NUM_PROMPTS,
        total_episodes=NUM_PROMPTS * num_rollouts,
        response_length=MAX_NEW_TOKENS,
        stop_token_id=EOS_ID,
        lr_scheduler_type="constant",
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        num_sample_generations=0,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=seed,
        **SETTINGS,
    )
    rows = [{"input_ids": ids} for ids in task.prompts()]
    return PPOTrainer(
        args=config,
        processing_class=tokenizer,
        model=policy,
        ref_model=reference,
        reward_model=reward,
        value_model=value,
        # In the last batch of a pass over the data TRL steps after every micro-batch: with one batch
        # more than rollouts none is in the last. Which prompts a batch has is then the collator's.
        train_dataset=Dataset.from_list(rows * (num_rollouts + 1)),
        data_collator=lambda _: DataCollatorWithPadding(tokenizer)(rows),
    )


def watch_lengths(trainer: PPOTrainer, report: Report, prompt_lengths: list[int]) -> None:
    """The reward model is shown prompts and responses, as they are after truncation at the EOS."""
    expected = torch.tensor(prompt_lengths)

    def note(_: Any, args: Any, kwargs: dict[str, Any]) -> None:
        report.response_lengths += (kwargs["attention_mask"].sum(dim=1) - expected).tolist()

    trainer.reward_model.transformer.register_forward_pre_hook(note, with_kwargs=True)


if __name__ == "__main__":
    main(Task(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
