"""One rollout and its update with this project's PPOTrainer, all of it or without one of its techniques.

    python -m experiments.bench.ppo.train_ours TASK REPORT SEED [TECHNIQUE]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from experiments.bench.ppo import ablations
from experiments.bench.ppo.report import Report
from experiments.bench.ppo.task import EOS_ID, MAX_NEW_TOKENS, NUM_PROMPTS, PROMPT_TOKENS, SETTINGS, Task, text_of
from experiments.bench.ppo.techniques import SHARED_TRUNK
from rlaif.rl.config import PPOConfig
from rlaif.rl.trainer import PPOTrainer

ROWS_OF_A_MICRO_BATCH = 4
TOKENS_OF_A_MICRO_BATCH = 512
LOGITS_AT_ONCE = 128
NEVER = 10**9


def main(task: Task, report_path: Path, seed: int, without: str | None) -> None:
    report = Report()
    with tempfile.TemporaryDirectory() as output_dir:
        switch = ablations.switch_off(without)
        trainer = make_trainer(task, output_dir, seed, without, report)
        report.mark_built()
        trainer.train()
    if not switch.was_used:
        raise RuntimeError(f"{without}: the trainer does not call what was replaced")
    report.write(report_path)


def make_trainer(task: Task, output_dir: str, seed: int, without: str | None, report: Report) -> PPOTrainer:
    settings: dict[str, Any] = {
        "per_device_train_batch_size": ROWS_OF_A_MICRO_BATCH,
        "max_tokens_per_micro_batch": TOKENS_OF_A_MICRO_BATCH,
        "logprob_chunk_size": LOGITS_AT_ONCE,
        **SETTINGS,
        **ablations.SETTINGS.get(without, {}),
    }
    config = PPOConfig(
        output_dir=output_dir,
        rollout_batch_size=NUM_PROMPTS,
        generation_batch_size=NUM_PROMPTS,
        total_episodes=NUM_PROMPTS,
        max_prompt_length=PROMPT_TOKENS[1],
        max_completion_length=MAX_NEW_TOKENS,
        lr_scheduler_type="constant",
        bf16=False,
        save_steps=NEVER,
        seed=seed,
        **settings,
    )

    def note_lengths(prompts: Any, completions: Any, completion_ids: list[list[int]], **_: Any) -> list[float]:
        report.response_lengths += map(len, completion_ids)
        return [0.0] * len(completion_ids)

    tokenizer = AutoTokenizer.from_pretrained(task.policy)
    assert tokenizer.eos_token_id == EOS_ID
    return PPOTrainer(
        model=task.policy,
        reward_funcs=[task.reward_model, note_lengths],
        args=config,
        train_dataset=[{"prompt": text_of(ids)} for ids in task.prompts()],
        processing_class=tokenizer,
        value_model=task.reward_model if without == SHARED_TRUNK else None,
    )


if __name__ == "__main__":
    main(Task(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None)
