"""Improve the SFT policy with PPO against the reward model, reward functions, or their weighted sum."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rlaif.config import TrainConfig
from rlaif.data.prompt import format_prompt
from rlaif.models.policy import Policy, add_lora, load_policy, save_policy, uses_bf16
from rlaif.pipeline import StageContext
from rlaif.records import Example, WatchPoint
from rlaif.report.watch import draw_watch, note, read_watch
from rlaif.rewards import ModelReward, build_rewards
from rlaif.rl.checkpoint import checkpoints
from rlaif.rl.config import PPOConfig
from rlaif.rl.trainer import PPOTrainer
from rlaif.stages import artifacts
from rlaif.watch import Watch


def run(context: StageContext) -> dict[str, Any]:
    """PPO over the training prompts; goes on from the last checkpoint, if there is one."""
    config, directory = context.config, context.run.directory
    examples = artifacts.read_examples(context.inputs["data"], "train")
    database = artifacts.read_database(context.inputs["data"])
    sft = context.inputs["sft"].directory / artifacts.POLICY
    policy = load_policy(sft)
    if config.policy.lora.enabled:  # switched off, the adapter is the reference
        policy = add_lora(policy, config.policy.lora, config.seed)
    reward_model = context.inputs["reward"].directory / artifacts.REWARD_MODEL if "reward" in context.inputs else None
    prompts = [{"prompt": format_prompt(example.instruction), "example_id": example.id} for example in examples]
    output_dir = directory / artifacts.CHECKPOINTS
    held_out = artifacts.read_examples(context.inputs["data"], "validation")

    with ExitStack() as stack:
        executor = stack.enter_context(artifacts.open_executor(config, context.inputs["data"]))
        own = share_of_judge(config, context.ranks.count)
        functions, weights = build_rewards(own, reward_model, examples, database, executor, stack)
        watch = Watch(
            config, policy, held_out, database, executor.run if artifacts.executes(config) else None,
            next((one for one in functions if isinstance(one, ModelReward)), None), directory / artifacts.WATCH,
        )  # fmt: skip
        bar = stack.enter_context(tqdm(total=config.trainer.num_rollouts, desc="ppo", unit="rollout"))
        trainer = PPOTrainer(
            policy.model,
            functions,
            ppo_config(config, policy, weights, output_dir),
            prompts,
            policy.tokenizer,
            ptx_dataset=ptx_rows(examples),
            on_rollout=lambda step, metrics, _: log(context, bar, step, metrics, watch),
        )
        found = checkpoints(output_dir)
        if found:
            trainer.load_checkpoint(found[-1])
            bar.update(trainer.rollout_index)
        if context.is_main:
            watch.resume(trainer.rollout_index)
        if trainer.rollout_index == 0 and watch.is_due(0):
            context.log(0, look(context, watch, 0))
        trainer.train()

    if not context.is_main:
        return {}
    save_policy(policy, directory / artifacts.POLICY)
    artifacts.remove_checkpoints(directory)
    return {**last_figures(context), **say_where_they_part(directory)}


def share_of_judge(config: TrainConfig, num_processes: int) -> TrainConfig:
    """The config of one of the processes that ask the judge at once: cap and concurrency are those of all together."""
    openai = config.feedback.openai
    max_cost = None if openai.max_cost is None else openai.max_cost / num_processes
    concurrency = max(1, openai.max_concurrency // num_processes)
    openai = dataclasses.replace(openai, max_cost=max_cost, max_concurrency=concurrency)
    return dataclasses.replace(config, feedback=dataclasses.replace(config.feedback, openai=openai))


def ppo_config(config: TrainConfig, policy: Policy, weights: Sequence[float], output_dir: Path) -> PPOConfig:
    """The trainer group in the names of `rlaif.rl`, with what PPO takes from other groups."""
    settings = dataclasses.asdict(config.trainer)
    del settings["name"], settings["watch"]
    for ours, theirs in NAMES.items():
        settings[theirs] = settings.pop(ours)
    return PPOConfig(
        output_dir=str(output_dir),
        seed=config.seed,
        total_episodes=settings.pop("num_rollouts") * config.trainer.rollout_batch_size,
        lr_scheduler_type=settings.pop("lr_schedule").value,
        max_completion_length=config.policy.max_new_tokens,
        max_prompt_length=config.policy.max_prompt_tokens,
        bf16=uses_bf16(config.policy.precision, policy.model.device),
        reward_weights=tuple(weights),
        **settings,
    )


def ptx_rows(examples: Sequence[Example]) -> list[dict[str, str]]:
    """The references, as the policy was fine-tuned on them."""
    return [{"prompt": prompt, "completion": target} for prompt, target in artifacts.prompts_and_targets(examples)]


NAMES = {
    "clip_range": "cliprange",
    "clip_range_value": "cliprange_value",
    "gae_lambda": "lam",
    "micro_batch_size": "per_device_train_batch_size",
    "save_every": "save_steps",
}
"""Settings that the config calls by the house's names, and `rlaif.rl` by TRL's."""


def log(context: StageContext, bar: Any, step: int, metrics: dict[str, float], watch: Watch) -> None:
    looked = look(context, watch, step) if watch.is_due(step) else {}
    context.log(step, {**metrics, **looked})
    bar.set_postfix({name: f"{metrics[f'ppo/{name}']:.3f}" for name in ("score_mean", "kl", "entropy")}, refresh=False)
    bar.update(step - bar.n)


def look(context: StageContext, watch: Watch, step: int) -> dict[str, float | int | None]:
    """The watch's figures, which the main process measures; the others wait, however long its judge takes."""
    figures: dict[str, float | int | None] = context.ranks.from_main(lambda: held_out_figures(watch.look(step)))
    return figures


def last_figures(context: StageContext, num_rollouts: int = 10) -> dict[str, Any]:
    """Every metric's mean over the last rollouts, which are noisy one by one."""
    rows = context.run.history()[-num_rollouts:]
    names = [name for name in rows[-1] if name.startswith("ppo/") and not name.startswith(HELD_OUT)]
    means = {name: mean([row[name] for row in rows if row.get(name) is not None]) for name in names}
    return {"num_rollouts": context.config.trainer.num_rollouts, **means}


HELD_OUT = "ppo/held_out/"


def held_out_figures(point: WatchPoint) -> dict[str, float | int | None]:
    """A look of the watch, for metrics.jsonl and the tracker."""
    figures = dataclasses.asdict(point)
    del figures["step"], figures["num"]
    return {f"{HELD_OUT}{name}": value for name, value in figures.items()}


def say_where_they_part(directory: Path) -> dict[str, Any]:
    """The watch's plot, and for the stage's figures its last look and its note; nothing where it was off."""
    points = read_watch(directory / artifacts.WATCH)
    if not points:
        return {}
    draw_watch(points, directory / "watch.png")
    print(f"watch: {note(points)}", flush=True)
    return {**held_out_figures(points[-1]), "watch": note(points)}


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
