"""The settings of PPO. Names are those of TRL and transformers wherever they have one for the same thing."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, get_args

from rlaif.errors import UserError
from rlaif.fields import LARGEST_SEED, complaints, setting, that_decide

LrSchedulerType = Literal["constant", "linear", "cosine"]


@dataclass(frozen=True)
class PPOConfig:
    """The settings of one PPO run. Every one of them has an effect; a run that is resumed may change those that have
    no influence on what is computed, and with a constant learning rate its length."""

    output_dir: str | None = setting(None, no_influence=True)
    """Where checkpoints and completions are written; None: nothing is written, and nothing can be resumed."""
    run_name: str | None = setting(None, no_influence=True)
    """For trackers."""
    report_to: str | tuple[str, ...] = setting("none", no_influence=True)
    """Trackers of transformers' own: "wandb", "tensorboard", ...; "none"."""
    seed: int = setting(42, ge=0, le=LARGEST_SEED)

    # How much is sampled, and how it is cut up
    total_episodes: int = setting(10_000, gt=0)
    """Completions sampled in all; rounded up to whole rollouts."""
    rollout_batch_size: int = setting(64, gt=0)
    """Completions a rollout, over all processes; one for each prompt."""
    num_ppo_epochs: int = setting(4, gt=0)
    """Passes over a rollout."""
    num_mini_batches: int = setting(4, gt=0)
    """Optimizer steps a pass; over all processes."""
    per_device_train_batch_size: int = setting(16, gt=0, no_influence=True)
    """Sequences of a forward pass, at most. Memory and speed, never the result."""
    max_tokens_per_micro_batch: int | None = setting(None, gt=0, off="None sets no limit", no_influence=True)
    """Tokens of a forward pass, padding included, at most; a single sequence may have more. None: no such limit."""
    generation_batch_size: int = setting(64, gt=0, no_influence=True)
    """Completions decoded at once, a process. Memory and speed, never the result."""
    max_prompt_length: int = setting(512, gt=0)
    """Tokens; of a longer prompt the last ones are kept."""
    max_completion_length: int = setting(256, gt=0)
    """Tokens, the EOS included."""

    # Optimisation
    learning_rate: float = setting(1e-5, gt=0)
    value_learning_rate: float | None = setting(None, gt=0, off="None takes learning_rate")
    """Of the value head or the critic; None: the policy's."""
    lr_scheduler_type: LrSchedulerType = "linear"
    """Constant, or to 0 over the run; a step each rollout."""
    num_critic_warmup_rollouts: int = setting(0, ge=0)
    """First rollouts in which only the critic learns."""
    weight_decay: float = setting(0.0, ge=0)
    """Of weight matrices; biases, norms and the value head are not decayed."""
    adam_beta1: float = setting(0.9, ge=0, lt=1)
    adam_beta2: float = setting(0.95, ge=0, lt=1)
    adam_epsilon: float = setting(1e-8, gt=0)
    max_grad_norm: float = setting(1.0, gt=0)
    bf16: bool = False
    """Forward passes in bfloat16 autocast. What is trained is in fp32 in any case, and the optimizer's state."""
    gradient_checkpointing: bool = setting(False, no_influence=True)

    # The objective
    temperature: float = setting(1.0, gt=0)
    """Of the sampler, the policy and the reference alike."""
    kl_coef: float = setting(0.05, ge=0, off="0 trains without a reference")
    """β: a token's reward is −β·(log π − log π_ref), the last one's also has the score. 0: no reference is needed."""
    target_kl: float | None = setting(None, gt=0, off="None keeps kl_coef as it is")
    """Nats a completion: β follows the measured KL (Ziegler et al. 2019, section 2.2). None keeps β as it is."""
    kl_horizon: int = setting(10_000, gt=0)
    """Completions over which β adapts."""
    gamma: float = setting(1.0, ge=0, le=1)
    lam: float = setting(0.95, ge=0, le=1)
    """λ of generalised advantage estimation."""
    cliprange: float = setting(0.2, gt=0)
    cliprange_value: float = setting(0.2, gt=0)
    """In units of the reward."""
    vf_coef: float = setting(0.1, ge=0)
    ent_coef: float = setting(0.0, ge=0, off="0 leaves it out")
    """Weight of the entropy bonus, in nats a token."""
    ptx_coef: float = setting(0.0, ge=0, off="0 leaves it out")
    """γ of PPO-ptx: weight of the likelihood of `ptx_dataset`'s completions, in nats a token; 0 leaves it out."""
    ptx_batch_size: int = setting(32, gt=0)
    """Of them for each optimizer step, over all processes."""
    missing_eos_penalty: float | None = setting(None, ge=0, off="None leaves it out")
    """Subtracted from the score of a completion that ran into the length limit."""
    reward_weights: tuple[float, ...] | None = None
    """Of the reward functions; None: 1 each."""
    scale_rewards: bool = False
    """Scores are divided by their running standard deviation."""
    whiten_rewards: bool = False
    """Token rewards are scaled to variance 1 over a rollout; their mean stays."""
    whiten_advantages: bool = True
    importance_sampling_cap: float | None = setting(None, gt=0, off="None leaves it out")
    """Where sampler and trainer compute differently (bf16, other kernels): tokens are weighted by
    min(π_trainer/π_sampler, cap), at the cost of one more forward pass. None: taken to be the same."""
    early_stop_kl: float | None = setting(None, gt=0, off="None never stops early")
    """Nats a token (k3) between the policy and the one that sampled: beyond it a rollout's update ends."""
    max_kl: float | None = setting(20.0, gt=0, off="None never ends the run")
    """Nats a token (k1) to the reference: beyond it the run ends with a message, its policy has collapsed."""

    # Speed and memory
    logprob_chunk_size: int | None = setting(None, gt=0, off="None takes a micro-batch's", no_influence=True)
    """Tokens whose logits over the whole vocabulary are held at once; None: a micro-batch's. Never the result."""
    compile_decoding: bool | None = setting(None, no_influence=True)
    """A static cache and compiled decoding steps; None: on GPUs only. Never the result."""

    # What is written
    save_steps: int = setting(20, gt=0, no_influence=True)
    """Rollouts between checkpoints."""
    save_total_limit: int | None = setting(1, gt=0, off="None keeps all", no_influence=True)
    """Checkpoints that are kept; None: all."""
    logging_steps: int = setting(1, gt=0, no_influence=True)
    """Rollouts between logs."""
    log_completions: bool = setting(False, no_influence=True)
    """A sample of each logged rollout's completions goes to completions.jsonl in output_dir, and to W&B as a table."""
    num_completions_to_log: int = setting(8, ge=0, no_influence=True)

    def __post_init__(self) -> None:
        """UserError for values that make no sense."""
        for complaint in complaints(self):
            raise UserError(complaint)
        if self.reward_weights is not None:
            object.__setattr__(self, "reward_weights", read_weights(self.reward_weights))
        if self.target_kl is not None and self.kl_coef == 0:
            raise UserError("target_kl: needs a kl_coef above 0 to start from")
        if self.rollout_batch_size % self.num_mini_batches:
            raise UserError(
                f"num_mini_batches: {self.num_mini_batches} does not divide "
                f"rollout_batch_size={self.rollout_batch_size}"
            )
        if self.lr_scheduler_type not in get_args(LrSchedulerType):
            allowed = ", ".join(get_args(LrSchedulerType))
            raise UserError(f"lr_scheduler_type: {self.lr_scheduler_type!r} is not one of {allowed}")

    @property
    def num_rollouts(self) -> int:
        """Rollouts of the whole run."""
        return -(-self.total_episodes // self.rollout_batch_size)

    def require_resumable(self, before: Mapping[str, Any], *, has_own_schedule: bool) -> None:
        """UserError where a run with the settings `before` cannot go on with these.

        Args:
            before: of the run that is resumed, by name; a setting that it did not know had its default.
            has_own_schedule: whether the learning rate follows a scheduler of the user's own, and not ours.
        """
        theirs = dataclasses.replace(
            self, **{field.name: before.get(field.name, field.default) for field in dataclasses.fields(self)}
        )
        ours_decide, theirs_decide = that_decide(self), that_decide(theirs)
        different = {name for name in ours_decide if ours_decide[name] != theirs_decide[name]} - {"total_episodes"}
        if different:
            raise UserError(f"the checkpoint was made with another config: {', '.join(sorted(different))} differ")
        depends_on_length = self.lr_scheduler_type != "constant" and not has_own_schedule
        if depends_on_length and theirs.num_rollouts != self.num_rollouts:
            raise UserError(
                f"total_episodes: {self.total_episodes}, and the checkpoint was made with {theirs.total_episodes}, "
                f"over which lr_scheduler_type={self.lr_scheduler_type!r} was spread: resume with "
                f"total_episodes={theirs.total_episodes}, or train with a constant rate from the start"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name; trackers ask for them."""
        return dataclasses.asdict(self)

    def to_sanitized_dict(self) -> dict[str, Any]:
        """Numbers and strings only."""
        plain = (int, float, str)
        return {key: value if isinstance(value, plain) else str(value) for key, value in self.to_dict().items()}

    def to_json_string(self) -> str:
        return json.dumps(self.to_dict(), indent=2)


def read_weights(weights: Any) -> tuple[float, ...]:
    """One number for each reward function, in whatever kind of list; UserError where they are no numbers."""
    weights = weights.tolist() if hasattr(weights, "tolist") else weights
    if not isinstance(weights, list | tuple):
        raise UserError(f"reward_weights: {weights!r} is not a list of numbers, one for each reward function")
    for weight in weights:
        if not isinstance(weight, Real) or not math.isfinite(weight):
            raise UserError(f"reward_weights: {weight!r} is not a finite number")
    return tuple(float(weight) for weight in weights)
