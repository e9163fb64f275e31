"""As train_ours.py, for the trainer's interface before it read like TRL's; to be removed with that interface."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from experiments.bench.ppo.report import Report
from experiments.bench.ppo.task import MAX_NEW_TOKENS, NUM_PROMPTS, PAD_ID, SETTINGS, Task, text_of
from experiments.bench.ppo.techniques import ACTION_LOGITS, MICRO_BATCHES, ROWS_DROPPED
from rlaif.models import generation
from rlaif.rl import forward
from rlaif.rl.config import PPOConfig
from rlaif.rl.trainer import PPOTrainer

NAMES = {"cliprange": "clip_range", "cliprange_value": "clip_range_value", "lam": "gae_lambda"}


def main(task: Task, report_path: Path, seed: int, without: str | None) -> None:
    report = Report()
    policy, reference = (AutoModelForCausalLM.from_pretrained(task.policy, dtype="float32") for _ in range(2))
    reward_model = AutoModelForSequenceClassification.from_pretrained(task.reward_model, dtype="float32").eval()
    tokenizer = AutoTokenizer.from_pretrained(task.policy)

    @torch.no_grad()
    def score(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        texts = [f"{prompt} {completion}" for prompt, completion in zip(prompts, completions, strict=True)]
        batch = tokenizer(texts, padding=True, return_tensors="pt")
        return reward_model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0].tolist()

    def note(_: int, metrics: dict[str, float]) -> None:
        report.response_lengths.append(metrics["ppo/completion_length"])  # type: ignore[arg-type]  # their mean
        print({name: round(value, 4) for name, value in metrics.items()})

    settings = {NAMES.get(name, name): value for name, value in SETTINGS.items()}
    config = PPOConfig(
        seed=seed, max_new_tokens=MAX_NEW_TOKENS, max_prompt_tokens=1000, num_rollouts=1,
        rollout_batch_size=NUM_PROMPTS, generation_batch_size=NUM_PROMPTS, lr_schedule="constant",
        micro_batch_size=NUM_PROMPTS if without == MICRO_BATCHES else 4, **settings,
    )  # fmt: skip
    rows = [{"prompt": text_of(ids)} for ids in task.prompts()]
    trainer = PPOTrainer(policy, reference, tokenizer, score, rows, config, on_log=note)
    if without in REPLACEMENTS:
        REPLACEMENTS[without]()
    report.mark_built()
    trainer.train()
    report.write(report_path)


def score_everywhere() -> None:
    original = forward.score_actions

    def everywhere(model: Any, input_ids: Any, action_mask: Any, **options: Any) -> Any:
        anywhere = torch.ones_like(action_mask)
        anywhere[:, 0] = False
        scores = original(model, input_ids, anywhere, **options)
        return type(scores)(*(part if part is None else part.masked_fill(~action_mask, 0) for part in scores))

    replace_everywhere(original, everywhere)


def decode_to_the_end() -> None:
    original = generation.decode_batch

    def decode(model: Any, prompts: Any, *, eos_token_id: int, **options: Any) -> list[list[int]]:
        completions = original(model, prompts, eos_token_id=PAD_ID, **options)
        return [ids[: ids.index(eos_token_id) + 1] if eos_token_id in ids else ids for ids in completions]

    replace_everywhere(original, decode)


def replace_everywhere(original: Any, replacement: Any) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("rlaif."):
            for attribute, value in list(vars(module).items()):
                if value is original:
                    setattr(module, attribute, replacement)


REPLACEMENTS = {ACTION_LOGITS: score_everywhere, ROWS_DROPPED: decode_to_the_end}


if __name__ == "__main__":
    main(Task(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None)
