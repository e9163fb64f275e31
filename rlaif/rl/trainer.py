"""PPO for language models: the training loop.

Where it differs from Schulman et al. 2017, from lm-human-preferences and from TRL's last
PPOTrainer (1.12), and why: experiments/ppo/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rlaif.errors import UserError
from rlaif.models.merging import as_saved
from rlaif.models.shard_bars import without_shard_bars
from rlaif.models.writing import writing_to
from rlaif.rl.actor_critic.forward import training_precision
from rlaif.rl.advantages import estimate_advantages, reward_tokens, start_critic
from rlaif.rl.callbacks import Callbacks
from rlaif.rl.checkpoint import find_checkpoint, own_names, read_checkpoint, require_writable, write_checkpoint
from rlaif.rl.completions import log_completions
from rlaif.rl.config import PPOConfig
from rlaif.rl.dataset import Prompt, read_prompts, require_room
from rlaif.rl.divergence import explained, require_near
from rlaif.rl.freed_memory import keeping_freed_memory
from rlaif.rl.functional import adapt_kl_coef
from rlaif.rl.metrics import rollout_metrics
from rlaif.rl.moments import RunningMoments
from rlaif.rl.optimizer import (
    adopt_optimizer,
    is_warming_up,
    make_optimizer,
    require_pair,
    require_steppable,
    set_learning_rates,
    step_scheduler,
)
from rlaif.rl.parts import build_parts
from rlaif.rl.ptx import PtxTexts, read_texts
from rlaif.rl.random_states import random_states, restore_random_states
from rlaif.rl.reward_funcs.rewards import Rewards
from rlaif.rl.rollout import Rollout, collect_rollout
from rlaif.rl.streams import Purpose, shuffled_rows, stream_seed
from rlaif.rl.update import update

OnRollout = Callable[[int, dict[str, float], Rollout], None]


class PPOTrainer:
    """Improves `model` in place against reward functions, held near a reference policy by a KL penalty.

    Args:
        model: a causal language model, PEFT's wrapper around one, or a Hub id or path, of an adapter too.
        reward_funcs: one or many of: f(prompts, completions, **columns) -> list[float | None] (or a list of
            floats a token for each completion), sync or async; a model with one logit; a Hub id or path of one.
        args: the settings.
        train_dataset: rows with "prompt", a text or messages; further columns go to the reward functions.
        processing_class: the tokenizer; padding may be the EOS. None: the one saved with the model.
        reward_processing_classes: of reward models, in the order of reward_funcs; None: those saved with them.
        ref_model: what the KL penalty is measured against. None: the model as it is given, with `peft_config`'s new
            adapters; kept in as little memory as possible, see `Reference`. With kl_coef=0 there is none.
        value_model: a critic of its own: a model or path, whose trunk gets a new head. None: a head on the policy's.
        callbacks: transformers' TrainerCallback objects.
        optimizers: an optimizer of one's own over the policy's parameters, which gets the critic's as well, and its
            scheduler, stepped a rollout.
        peft_config: puts adapters on the model, which alone are then trained.
        on_rollout: called after each rollout with the number done, the metrics and the rollout itself.
        ptx_dataset: rows with "prompt" and "completion", which `ptx_coef` keeps likely; read only where that is set.

    Raises:
        UserError: prompts, reward functions or models that cannot be trained with.
    """

    def __init__(
        self,
        model: nn.Module | str | PathLike[str],
        reward_funcs: Any,
        args: PPOConfig | None = None,
        train_dataset: Any = None,
        processing_class: Any = None,
        reward_processing_classes: Any = None,
        ref_model: nn.Module | str | PathLike[str] | None = None,
        value_model: nn.Module | str | PathLike[str] | None = None,
        callbacks: Sequence[Any] | None = None,
        optimizers: tuple[torch.optim.Optimizer | None, Any] = (None, None),
        peft_config: Any = None,
        on_rollout: OnRollout | None = None,
        ptx_dataset: Any = None,
    ) -> None:
        if args is not None and not isinstance(args, PPOConfig):
            raise UserError(f"args: a {type(args).__name__}; give a PPOConfig of rlaif.rl")
        config = args or PPOConfig()
        parts = build_parts(model, processing_class, ref_model, value_model, peft_config, config)
        if parts.bf16 != config.bf16:
            config = dataclasses.replace(config, bf16=parts.bf16)
        self.args = config
        self.processing_class = parts.processing_class
        self.processes = parts.processes
        self.prompts = read_prompts(train_dataset, self.processing_class)
        require_room(
            self.prompts, self.processing_class, config.max_prompt_length, config.max_completion_length,
            parts.num_positions,
        )  # fmt: skip
        self.rewards = Rewards(
            reward_funcs, reward_weights=config.reward_weights, reward_processing_classes=reward_processing_classes,
            missing_rewards="skip_sample", device=self.processes.device,
        )  # fmt: skip
        self.rewards.require_columns(self.prompts[0].columns)
        self.rewards.require_room(self.prompts)
        self.reference = parts.reference
        self.actor_critic = parts.actor_critic
        """Policy and critic, both of which the optimizer trains."""
        own, self.lr_scheduler = require_pair(optimizers)
        self.optimizer: torch.optim.Optimizer = make_optimizer(self.actor_critic, config) if own is None else own
        self.num_own_groups = len(self.optimizer.param_groups)
        """Of the user's optimizer, which a scheduler knows."""
        if own is not None:
            adopt_optimizer(self.optimizer, self.actor_critic, config)
        require_steppable(self.lr_scheduler)
        self.processes.prepare(self.actor_critic, self.optimizer)
        self.callbacks = Callbacks(
            callbacks or (), config, is_main=self.processes.is_main, model=self.model,
            processing_class=self.processing_class, optimizer=self.optimizer, lr_scheduler=self.lr_scheduler,
        )  # fmt: skip
        self.on_rollout = on_rollout
        self.ptx_texts = None
        if config.ptx_coef:
            self.ptx_texts = read_texts(
                ptx_dataset, self.processing_class, config, self.processes.device, parts.num_positions
            )
        self.kl_coef = config.kl_coef
        self.score_moments = RunningMoments()
        self.own_checkpoints: list[str] = []
        """In output_dir, of this run and the one that it resumes, from the oldest; no others are ever deleted."""
        if config.output_dir is not None and self.processes.is_main:
            require_writable(Path(config.output_dir))
        self.rollout_index = 0
        """Rollouts done. With the config's seed it decides all that is random: see `stream`."""

    @property
    def model(self) -> Any:
        """The policy."""
        return self.actor_critic.policy

    def train(self, resume_from_checkpoint: bool | str | Path | None = None) -> None:
        """Run the rollouts that are left: see `run_rollout`."""
        if resume_from_checkpoint:
            self.load_checkpoint(find_checkpoint(resume_from_checkpoint, self.args.output_dir))
        with training_precision(self.processes.device, bf16=self.args.bf16):
            model = self.processes.together(self.actor_critic)
        self.callbacks.call("on_train_begin")
        with keeping_freed_memory(self.processes.device):
            while self.rollout_index < self.args.num_rollouts and not self.callbacks.should_stop:
                self.callbacks.call("on_step_begin")
                self.run_rollout(model)
        self.callbacks.call("on_train_end")

    def run_rollout(self, model: nn.Module) -> None:
        """One rollout and its update; `model` is the actor and its critic as the processes train it together.

        1. Take the next prompts.
        2. Sample a completion for each, score it while others still decode, and look up the reference.
        3. Reward each token: the KL penalty everywhere, the score at the last action.
        4. Estimate advantages and returns.
        5. Update the policy and the critic.
        6. Adapt the KL coefficient, if there is a target.
        7. Log, and save every `save_steps` rollouts and at the end.

        Raises:
            UserError: a loss that is not finite, or a KL beyond `max_kl`. The last checkpoint stays as it was.
        """
        config = self.args
        # 1. Prompts.
        prompts = self.next_prompts()

        # 2. Rollout.
        with self.processes.whole_weights(self.actor_critic):
            rollout = collect_rollout(
                self.actor_critic, self.reference, self.processing_class, prompts, self.rewards, config,
                self.stream("sample"), self.processes, self.callbacks.state,
            )  # fmt: skip
        with explained(self.rollout_index, config, self.own_checkpoints):
            require_near(rollout, config.max_kl)

        # 3. Rewards.
        rewards = reward_tokens(rollout, config, self.kl_coef, self.score_moments)

        # 4. Advantages.
        if self.rollout_index == 0:
            rollout = start_critic(self.actor_critic.value_head, rollout, rewards, config.gamma)
        advantages, returns = estimate_advantages(rollout, rewards, config)

        # 5. Update.
        start = time.perf_counter()
        learning_rate = set_learning_rates(
            self.optimizer, config, self.rollout_index, is_scheduled=self.lr_scheduler is not None
        )
        with explained(self.rollout_index, config, self.own_checkpoints):
            statistics = update(
                model, self.optimizer, rollout, advantages, returns, config,
                torch.Generator().manual_seed(self.stream("shuffle")), self.processes,
                critic_only=is_warming_up(config, self.rollout_index), ptx=self.ptx_batches(),
            )  # fmt: skip
        metrics = rollout_metrics(
            rollout, rewards, returns, statistics, config, self.kl_coef, learning_rate, time.perf_counter() - start
        )
        self.rollout_index += 1

        # 6. KL coefficient.
        if config.target_kl is not None:
            self.kl_coef = adapt_kl_coef(
                self.kl_coef, metrics["ppo/kl"], config.target_kl, config.kl_horizon, len(rollout.scores)
            )

        # 7. Log and save.
        self.finish_rollout(rollout, metrics)

    def next_prompts(self) -> list[Prompt]:
        """The next rollout_batch_size rows of an endless pass over shuffled prompts."""
        size = self.args.rollout_batch_size
        rows = shuffled_rows(self.args.seed, len(self.prompts), self.rollout_index * size, size)
        return [self.prompts[row] for row in rows]

    def stream(self, purpose: Purpose) -> int:
        """The seed of one purpose in this rollout."""
        return stream_seed(self.args.seed, purpose, self.rollout_index)

    def ptx_batches(self) -> Iterator[PtxTexts] | None:
        """For this rollout's optimizer steps; None without ptx_coef."""
        if self.ptx_texts is None:
            return None
        return self.ptx_texts.batches(self.args.ptx_batch_size, torch.Generator().manual_seed(self.stream("ptx")))

    def finish_rollout(self, rollout: Rollout, metrics: dict[str, float]) -> None:
        """Log, save, and let callbacks have their say."""
        config, done = self.args, self.rollout_index
        is_last = done == config.num_rollouts
        if self.lr_scheduler is not None:
            step_scheduler(self.lr_scheduler, self.optimizer, self.num_own_groups)
        if self.on_rollout is not None:
            self.on_rollout(done, metrics, rollout)
        if done % config.logging_steps == 0 or is_last:
            self.callbacks.log(done, metrics)
            if config.log_completions and self.processes.is_main:
                log_completions(rollout, done, config)
        is_asked_for = self.callbacks.end_step(done)
        is_due = done % config.save_steps == 0 or is_last or is_asked_for
        if config.output_dir is not None and is_due:
            self.save_checkpoint(Path(config.output_dir))
            self.callbacks.call("on_save")

    def save_model(self, output_dir: str | Path) -> None:
        """The policy as `from_pretrained` reads it, and its tokenizer; with LoRA the adapter, where that is all that is
        trained, else the model with it merged in."""
        state = self.processes.policy_state(self.actor_critic)
        if self.processes.is_main:
            with writing_to(Path(output_dir)):
                self.write_policy(Path(output_dir), state)

    def write_policy(self, directory: Path, state: dict[str, Any] | None) -> None:
        """`state` is the policy's, where its own is cut into pieces; for the main process."""
        with without_shard_bars():
            (self.model if state is not None else as_saved(self.model)).save_pretrained(directory, state_dict=state)
        self.processing_class.save_pretrained(directory)

    def state_dict(self) -> dict[str, Any]:
        """All that a run resumed needs to equal one never stopped."""
        return {
            "config": dataclasses.asdict(self.args),
            "rollout_index": self.rollout_index,
            "kl_coef": self.kl_coef,
            "score_moments": self.score_moments.state_dict(),
            "random_states": random_states(),
            "reference": self.reference.state_dict(),
            "lr_scheduler": None if self.lr_scheduler is None else self.lr_scheduler.state_dict(),
            **self.processes.training_state(self.actor_critic, self.optimizer),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """UserError where the state comes from a run with another config; see `PPOConfig.require_resumable`."""
        self.args.require_resumable(state["config"], has_own_schedule=self.lr_scheduler is not None)
        self.rollout_index = state["rollout_index"]
        self.kl_coef = state["kl_coef"]
        self.score_moments.load_state_dict(state["score_moments"])
        if self.lr_scheduler is not None:
            self.lr_scheduler.load_state_dict(state["lr_scheduler"])
        self.processes.load_training_state(self.actor_critic, self.optimizer, state)
        self.reference.load_state_dict(state.get("reference"))
        restore_random_states(state["random_states"])

    def save_checkpoint(self, output_dir: Path) -> None:
        """Write `output_dir/checkpoint-<rollouts done>`, whole or not at all."""
        state = self.state_dict()
        whole = self.processes.policy_state(self.actor_critic)
        if not self.processes.is_main:
            return

        self.own_checkpoints = write_checkpoint(
            output_dir, self.rollout_index, state, partial(self.write_policy, state=whole),
            self.args.save_total_limit, self.own_checkpoints,
        )  # fmt: skip

    def load_checkpoint(self, directory: Path) -> None:
        """Go on from a checkpoint; UserError where there is none that fits."""
        self.load_state_dict(read_checkpoint(directory))
        if self.args.output_dir is not None and Path(self.args.output_dir).resolve() == directory.resolve().parent:
            self.own_checkpoints = own_names(directory)
