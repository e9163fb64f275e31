"""The settings of PPO. Names are those of TRL and transformers wherever they have one for the same thing."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rlaif.errors import UserError

LrSchedulerType = Literal["constant", "linear", "cosine"]


@dataclass(frozen=True)
class PPOConfig:
    """The settings of one PPO run. Every one of them has an effect."""

    output_dir: str | None = None
    """Where checkpoints and completions are written; None: nothing is written, and nothing can be resumed."""
    run_name: str | None = None
    """For trackers."""
    report_to: str | tuple[str, ...] = "none"
    """Trackers of transformers' own: "wandb", "tensorboard", ...; "none"."""
    seed: int = 42

    # How much is sampled, and how it is cut up
    total_episodes: int = 10_000
    """Completions sampled in all; rounded up to whole rollouts."""
    rollout_batch_size: int = 64
    """Completions a rollout, over all processes; one for each prompt."""
    num_ppo_epochs: int = 4
    """Passes over a rollout."""
    num_mini_batches: int = 4
    """Optimizer steps a pass; over all processes."""
    per_device_train_batch_size: int = 16
    """Sequences of a forward pass, at most. Memory and speed, never the result."""
    max_tokens_per_micro_batch: int | None = None
    """Tokens of a forward pass, padding included, at most; a single sequence may have more. None: no such limit."""
    generation_batch_size: int = 64
    """Completions decoded at once, a process."""
    max_prompt_length: int = 512
    """Tokens; of a longer prompt the last ones are kept."""
    max_completion_length: int = 256
    """Tokens, the EOS included."""

    # Optimisation
    learning_rate: float = 1e-5
    value_learning_rate: float | None = None
    """Of the value head or the critic; None: the policy's."""
    lr_scheduler_type: LrSchedulerType = "linear"
    """Constant, or to 0 over the run; a step each rollout."""
    num_critic_warmup_rollouts: int = 0
    """First rollouts in which only the critic learns."""
    weight_decay: float = 0.0
    """Of weight matrices; biases, norms and the value head are not decayed."""
    adam_beta1: float = 0.9
    adam_beta2: float = 0.95
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    bf16: bool = False
    """Forward passes in bfloat16 autocast; weights and optimizer keep the model's own dtype."""
    gradient_checkpointing: bool = False

    # The objective
    temperature: float = 1.0
    """Of the sampler, the policy and the reference alike."""
    kl_coef: float = 0.05
    """β: a token's reward is −β·(log π − log π_ref), the last one's also has the score. 0: no reference is needed."""
    target_kl: float | None = None
    """Nats a completion: β follows the measured KL (Ziegler et al. 2019, section 2.2). None keeps β as it is."""
    kl_horizon: int = 10_000
    """Completions over which β adapts."""
    gamma: float = 1.0
    lam: float = 0.95
    """λ of generalised advantage estimation."""
    cliprange: float = 0.2
    cliprange_value: float = 0.2
    """In units of the reward."""
    vf_coef: float = 0.1
    ent_coef: float = 0.0
    """Weight of the entropy bonus, in nats a token."""
    ptx_coef: float = 0.0
    """γ of PPO-ptx: weight of the likelihood of `ptx_dataset`'s completions, in nats a token; 0 leaves it out."""
    ptx_batch_size: int = 32
    """Of them for each optimizer step, over all processes."""
    missing_eos_penalty: float | None = None
    """Subtracted from the score of a completion that ran into the length limit."""
    reward_weights: tuple[float, ...] | None = None
    """Of the reward functions; None: 1 each."""
    scale_rewards: bool = False
    """Scores are divided by their running standard deviation."""
    whiten_rewards: bool = False
    """Token rewards are scaled to variance 1 over a rollout; their mean stays."""
    whiten_advantages: bool = True
    importance_sampling_cap: float | None = None
    """Where sampler and trainer compute differently (bf16, other kernels): tokens are weighted by
    min(π_trainer/π_sampler, cap), at the cost of one more forward pass. None: taken to be the same."""
    early_stop_kl: float | None = None
    """Nats a token (k3) between the policy and the one that sampled: beyond it a rollout's update ends."""
    max_kl: float | None = 20.0
    """Nats a token (k1) to the reference: beyond it the run ends with a message, its policy has collapsed."""

    # Speed and memory
    logprob_chunk_size: int | None = None
    """Tokens whose logits over the whole vocabulary are held at once; None: a micro-batch's. Never the result."""
    compile_decoding: bool | None = None
    """A static cache and compiled decoding steps; None: on GPUs only."""

    # What is written
    save_steps: int = 20
    """Rollouts between checkpoints."""
    save_total_limit: int | None = 1
    """Checkpoints that are kept; None: all."""
    logging_steps: int = 1
    """Rollouts between logs."""
    log_completions: bool = False
    """A sample of each logged rollout's completions goes to completions.jsonl in output_dir, and to W&B as a table."""
    num_completions_to_log: int = 8

    def __post_init__(self) -> None:
        """UserError for values that make no sense."""
        for name in AT_LEAST_ONE:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"{name}: {value} is below 1")
        for name in ABOVE_ZERO:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"{name}: {value} is not above 0{OFF.get(name, '')}")
        for name in ("gamma", "lam"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name}: {getattr(self, name)} is not between 0 and 1")
        if self.kl_coef < 0:
            raise UserError(f"kl_coef: {self.kl_coef} is below 0; 0 trains without a reference")
        if self.ptx_coef < 0:
            raise UserError(f"ptx_coef: {self.ptx_coef} is below 0; 0 leaves it out")
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

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name; trackers ask for them."""
        return dataclasses.asdict(self)

    def to_sanitized_dict(self) -> dict[str, Any]:
        """Numbers and strings only."""
        plain = (int, float, str)
        return {key: value if isinstance(value, plain) else str(value) for key, value in self.to_dict().items()}

    def to_json_string(self) -> str:
        return json.dumps(self.to_dict(), indent=2)


AT_LEAST_ONE = (
    "total_episodes", "rollout_batch_size", "num_ppo_epochs", "num_mini_batches", "per_device_train_batch_size",
    "max_tokens_per_micro_batch", "generation_batch_size", "max_prompt_length", "max_completion_length", "kl_horizon",
    "logprob_chunk_size", "ptx_batch_size", "save_steps", "save_total_limit", "logging_steps",
)  # fmt: skip
ABOVE_ZERO = (
    "learning_rate", "value_learning_rate", "max_grad_norm", "temperature", "cliprange", "cliprange_value",
    "target_kl", "importance_sampling_cap", "early_stop_kl", "max_kl",
)  # fmt: skip
OFF = {"target_kl": "; None keeps kl_coef as it is", "early_stop_kl": "; None never stops early"}

HAS_NO_INFLUENCE = frozenset((
    "output_dir", "run_name", "report_to", "save_steps", "save_total_limit", "logging_steps", "log_completions",
    "num_completions_to_log",
))  # fmt: skip
"""Settings that a resumed run may change: they do not touch what is computed."""
