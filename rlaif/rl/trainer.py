"""PPO for language models: the training loop.

Where it differs from Schulman et al. 2017 and from TRL's last PPOTrainer (1.12): the critic is
a head on the policy's trunk; the KL penalty is k1 per token; losses are sums over a minibatch's
tokens divided by their number; the EOS is trained like any other action, also where the padding
token is the EOS; a sample without a reward is left out.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rlaif.errors import UserError
from rlaif.models.generation import derive_seed, device_of
from rlaif.models.value_head import ValueHead
from rlaif.rl.checkpoint import has_checkpoint, read_checkpoint, write_checkpoint
from rlaif.rl.config import PPOConfig
from rlaif.rl.forward import head_of, require_plain_head
from rlaif.rl.functional import adapt_kl_coef, gae, kl_penalty, masked_mean, masked_whiten, token_rewards
from rlaif.rl.metrics import rollout_metrics
from rlaif.rl.rewards import PromptRow, RewardFunction, name_functions
from rlaif.rl.rollout import Rollout, collect_rollout
from rlaif.rl.update import update

OnLog = Callable[[int, dict[str, float]], None]


class PPOTrainer:
    """Improves `policy` in place against reward functions, held near `ref_policy` by a KL penalty.

    Args:
        policy: a causal language model of transformers, or PEFT's wrapper around one, in fp32.
        ref_policy: the model that the KL penalty is measured against; it is frozen here.
        tokenizer: of both; padding may be the EOS.
        reward_funcs: f(prompts, completions, **columns) -> list[float | None], as in TRL.
        prompts: rows with "prompt" and further columns, handed to the reward functions.
        config: see conf/trainer/ppo.yaml.
        value_head: the critic; by default a new one, which starts from the first rollout's mean return.
        reward_weights: of the reward functions, 1 by default; the score is the weighted sum.
        on_log: called after each rollout with the number of rollouts done and the metrics.

    Raises:
        UserError: prompts, reward functions or models that cannot be trained with.
    """

    def __init__(
        self,
        policy: nn.Module,
        ref_policy: nn.Module,
        tokenizer: Any,
        reward_funcs: RewardFunction | Sequence[RewardFunction],
        prompts: Sequence[PromptRow],
        config: PPOConfig,
        value_head: ValueHead | None = None,
        reward_weights: Sequence[float] | None = None,
        on_log: OnLog | None = None,
    ) -> None:
        functions = list(reward_funcs) if isinstance(reward_funcs, Sequence) else [reward_funcs]
        weights = [1.0] * len(functions) if reward_weights is None else list(reward_weights)
        if not functions or len(weights) != len(functions):
            raise UserError(f"{len(functions)} reward functions and {len(weights)} weights: one weight each")
        if not prompts:
            raise UserError("no prompts to train on")
        if ref_policy is policy:
            raise UserError("ref_policy is the policy itself: give a copy, or the KL penalty is always 0")

        self.config = config
        self.policy = policy.eval()  # dropout stays off: one distribution for sampling and training
        require_plain_head(self.policy)
        self.ref_policy = ref_policy.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.value_head_is_new = value_head is None
        self.value_head = value_head or ValueHead(head_of(policy).weight.shape[1])
        self.value_head.to(device_of(policy))
        self.reward_funcs = name_functions(functions)
        self.reward_weights = dict(zip(self.reward_funcs, weights, strict=True))
        self.prompts = prompts
        self.on_log = on_log
        self.optimizer = make_optimizer(self.policy, self.value_head, config)
        self.kl_coef = config.kl_coef
        self.rollout_index = 0
        """Rollouts done. With the config's seed it decides all that is random: see `stream`."""

    def train(self, checkpoint_dir: Path | None = None) -> None:
        """Run the rollouts that are left.

        1. Take the next prompts.
        2. Sample a completion for each, score it, and compute its log-probabilities under
           policy and reference, its values and its entropy.
        3. Reward each token: the KL penalty everywhere, the score at the last action.
        4. Estimate advantages and returns.
        5. Update the policy and the critic.
        6. Adapt the KL coefficient, if there is a target.
        7. Log.
        8. Save, every `save_every` rollouts and at the end.

        Raises:
            UserError: a loss that is not finite. The last checkpoint stays as it was.
        """
        config = self.config
        while self.rollout_index < config.num_rollouts:
            # 1. Prompts.
            rows = self.next_prompts()

            # 2. Rollout.
            rollout = collect_rollout(
                self.policy, self.value_head, self.ref_policy, self.tokenizer, rows,
                self.reward_funcs, self.reward_weights, config, self.stream("sample"),
            )  # fmt: skip

            # 3. Rewards.
            kl = kl_penalty(rollout.logprobs, rollout.ref_logprobs, "k1")
            rewards = token_rewards(penalised_scores(rollout, config), kl, rollout.action_mask, self.kl_coef)

            # 4. Advantages.
            if self.rollout_index == 0 and self.value_head_is_new:
                rollout = start_critic(self.value_head, rollout, rewards, config.gamma)
            advantages, returns = estimate_advantages(rollout, rewards, config)

            # 5. Update.
            start = time.perf_counter()
            learning_rate = self.set_learning_rates()
            shuffle = torch.Generator().manual_seed(self.stream("shuffle"))
            try:
                statistics = update(
                    self.policy, self.value_head, self.optimizer, rollout, advantages, returns, config, shuffle
                )
            except FloatingPointError as error:
                raise UserError(self.divergence(error, checkpoint_dir)) from None
            update_seconds = time.perf_counter() - start
            metrics = rollout_metrics(
                rollout, rewards, returns, statistics, config, self.kl_coef, learning_rate, update_seconds
            )
            self.rollout_index += 1

            # 6. KL coefficient.
            if config.target_kl is not None:
                self.kl_coef = adapt_kl_coef(
                    self.kl_coef, metrics["ppo/kl"], config.target_kl, config.kl_horizon, len(rollout.scores)
                )

            # 7. Log.
            if self.on_log is not None:
                self.on_log(self.rollout_index, metrics)

            # 8. Save.
            if checkpoint_dir is not None and self.is_time_to_save():
                self.save_checkpoint(checkpoint_dir)

    def next_prompts(self) -> list[PromptRow]:
        """The next rollout_batch_size rows of an endless pass over shuffled prompts."""
        size, count = self.config.rollout_batch_size, len(self.prompts)
        rows: list[PromptRow] = []
        position = self.rollout_index * size
        while len(rows) < size:
            num_passes, offset = divmod(position + len(rows), count)
            shuffle = torch.Generator().manual_seed(derive_seed(self.config.seed, STREAMS["prompts"], num_passes))
            order = torch.randperm(count, generator=shuffle).tolist()
            rows += [self.prompts[index] for index in order[offset : offset + size - len(rows)]]
        return rows

    def stream(self, purpose: str) -> int:
        """The seed of one purpose in this rollout. No generator lives longer than a rollout, so
        a resumed run needs nothing but `rollout_index` to go on with the same randomness."""
        return derive_seed(self.config.seed, STREAMS[purpose], self.rollout_index)

    def set_learning_rates(self) -> float:
        """Of this rollout's update; returns the policy's, which is 0 while the critic warms up alone."""
        config = self.config
        factor = schedule(config.lr_schedule, self.rollout_index / config.num_rollouts)
        warms_up = self.rollout_index < config.num_critic_warmup_rollouts
        policy_rate = 0.0 if warms_up else config.learning_rate * factor
        for group in self.optimizer.param_groups:
            group["lr"] = value_rate(config) * factor if group["critic"] else policy_rate
        return policy_rate

    def is_time_to_save(self) -> bool:
        done = self.rollout_index
        return done % self.config.save_every == 0 or done == self.config.num_rollouts

    def divergence(self, error: FloatingPointError, checkpoint_dir: Path | None) -> str:
        kept = (
            f"the last checkpoint is kept in {checkpoint_dir}"
            if checkpoint_dir is not None and has_checkpoint(checkpoint_dir)
            else "there is no checkpoint yet"
        )
        return (
            f"PPO diverged in rollout {self.rollout_index + 1} of {self.config.num_rollouts}: {error}; {kept}; "
            "lower the learning rate or raise the KL coefficient"
        )

    def state_dict(self) -> dict[str, Any]:
        """All that a run resumed needs to equal one never stopped."""
        return {
            "config": dataclasses.asdict(self.config),
            "rollout_index": self.rollout_index,
            "kl_coef": self.kl_coef,
            "policy": self.policy.state_dict(),
            "value_head": self.value_head.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """UserError where the state comes from a run with another config."""
        ours = dataclasses.asdict(self.config)
        different = [name for name in ours if ours[name] != state["config"].get(name) and name != "save_every"]
        if different:
            raise UserError(f"the checkpoint was made with another config: {', '.join(different)} differ")
        self.rollout_index = state["rollout_index"]
        self.kl_coef = state["kl_coef"]
        self.policy.load_state_dict(state["policy"])
        self.value_head.load_state_dict(state["value_head"])
        self.optimizer.load_state_dict(state["optimizer"])

    def save_checkpoint(self, directory: Path) -> None:
        """Write the state to `directory`, atomically."""
        write_checkpoint(directory, self.state_dict())

    def load_checkpoint(self, directory: Path) -> None:
        """Go on from the state in `directory`; UserError where there is none that fits."""
        self.load_state_dict(read_checkpoint(directory))


STREAMS = {"prompts": 0, "sample": 1, "shuffle": 2}
"""One number for each thing that is random, so that their seeds differ."""


def penalised_scores(rollout: Rollout, config: PPOConfig) -> Tensor:
    """[B]: the scores, less the penalty where a completion ran into the length limit."""
    return rollout.scores - (config.missing_eos_penalty or 0.0) * (~rollout.ends_with_eos)


def start_critic(value_head: ValueHead, rollout: Rollout, rewards: Tensor, gamma: float) -> Rollout:
    """A new critic says the first rollout's mean return everywhere, and is then as good as a constant can be.

    From 0 it would have to learn the scores' mean first. Until then λ < 1 credits late tokens with
    it and blames early ones, whatever they are.
    """
    mask = rollout.action_mask
    returns, _ = gae(rewards, torch.zeros_like(rewards), mask, gamma, gae_lambda=1.0)
    mean = masked_mean(returns, mask)
    nn.init.constant_(value_head.linear.bias, mean.item())
    return dataclasses.replace(rollout, values=mean * mask)


def estimate_advantages(rollout: Rollout, rewards: Tensor, config: PPOConfig) -> tuple[Tensor, Tensor]:
    """Advantages (whitened if wanted) and returns, [B, L] each."""
    mask = rollout.action_mask
    if config.whiten_rewards:
        rewards = masked_whiten(rewards, mask, keep_mean=True)
    advantages, returns = gae(rewards, rollout.values, mask, config.gamma, config.gae_lambda)
    return masked_whiten(advantages, mask) if config.whiten_advantages else advantages, returns


def make_optimizer(policy: nn.Module, value_head: nn.Module, config: PPOConfig) -> torch.optim.AdamW:
    """AdamW over the trainable parameters; biases and norms are not decayed, the critic's head has its own rate."""
    parameters = [p for p in policy.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay, "critic": False},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0, "critic": False},
        {"params": list(value_head.parameters()), "weight_decay": 0.0, "critic": True, "lr": value_rate(config)},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95), eps=1e-8)


def value_rate(config: PPOConfig) -> float:
    """The value head's learning rate. The head starts at 0 and is linear, so it bears, and needs, a larger one."""
    return config.learning_rate if config.value_learning_rate is None else config.value_learning_rate


def schedule(name: str, progress: float) -> float:
    """The learning rate's factor at `progress` in [0, 1) of the run."""
    if name == "linear":
        return 1 - progress
    if name == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    return 1.0
