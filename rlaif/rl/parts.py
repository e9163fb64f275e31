"""From what a user hands to the trainer to the modules that it trains."""

from __future__ import annotations

import os
from dataclasses import dataclass
from os import PathLike
from typing import Any

from accelerate import Accelerator
from torch import nn

from rlaif.errors import UserError
from rlaif.models.causal import require_causal
from rlaif.models.device import accelerate_state, moved
from rlaif.models.generation import device_of, num_positions_of
from rlaif.models.precision import HALF, to_fp32, train_in_fp32
from rlaif.models.trunk import trunk_of, width_of
from rlaif.models.value_head import ValueHead
from rlaif.rl.actor_critic.forward import ActorCritic, training_precision
from rlaif.rl.actor_critic.recomputing import recompute_layers
from rlaif.rl.actor_critic.reference import Reference
from rlaif.rl.config import PPOConfig
from rlaif.rl.loading import as_module, as_tokenizer, with_adapters
from rlaif.rl.processes import Processes
from rlaif.rl.requirements import (
    look_at_saving,
    require_apart,
    require_critic,
    require_policy,
    require_reference,
    require_saveable,
    require_trainable,
)
from rlaif.rl.sampling.trial import decoding_of, require_bf16


@dataclass(frozen=True)
class Parts:
    """What a trainer is made of."""

    actor_critic: ActorCritic
    reference: Reference
    processing_class: Any
    processes: Processes
    num_positions: int | None
    """What the shortest of policy, critic and reference can tell the places of; None where nothing limits them."""
    bf16: bool
    """Whether forward passes are in bf16 autocast: where the config says so, and where frozen weights need it."""


def build_parts(
    model: nn.Module | str | PathLike[str],
    processing_class: Any,
    ref_model: nn.Module | str | PathLike[str] | None,
    value_model: nn.Module | str | PathLike[str] | None,
    peft_config: Any,
    config: PPOConfig,
) -> Parts:
    """See `PPOTrainer` for the arguments, and for what is an error."""
    if isinstance(ref_model, nn.Module) and ref_model is model:
        raise UserError("ref_model is the model itself: give a copy, or the KL penalty is always 0")
    policy = as_module(model, "model")
    tokenizer = as_tokenizer(processing_class, model, policy)
    policy = with_adapters(policy, peft_config)
    require_policy(policy, tokenizer)
    require_trainable(policy)
    require_saveable(policy)
    processes = Processes(Accelerator(cpu=accelerate_state().device.type == "cpu"))
    require_precision(os.environ.get("ACCELERATE_MIXED_PRECISION", "no"), config)  # a trainer before has left its own
    policy = moved(policy, processes.device)  # before it is tried out: large models are slow on a CPU
    compared = None if ref_model is None else as_module(ref_model, "ref_model")
    if compared is not None:
        require_reference(compared, policy, tokenizer)
        compared = moved(compared, processes.device)
    needs_bf16 = train_in_fp32(policy)
    with training_precision(device_of(policy), bf16=needs_bf16):
        require_causal(policy, "model")
        if compared is not None:
            require_causal(compared, "ref_model")
    look_at_saving(policy, is_sharded=processes.sharding is not None)
    policy = prepare(policy, config)
    trunk = None
    if value_model is not None:
        critic = as_module(value_model, "value_model", "AutoModel")
        require_critic(critic, policy, tokenizer)
        critic = moved(critic, processes.device)
        train_in_fp32(critic, keep_frozen=False)
        trunk = prepare(trunk_of(critic), config)
        require_causal(trunk, "value_model")
    with training_precision(processes.device, bf16=needs_bf16):
        head = ValueHead(width_of(trunk or trunk_of(policy)))
        actor_critic = moved(ActorCritic(policy, head, trunk), processes.device)
    processes.make_alike(actor_critic)  # before the reference becomes a copy of it
    with training_precision(processes.device, bf16=needs_bf16):
        decoding_of(actor_critic)  # an architecture that would go wrong is refused now
    if config.bf16:
        require_bf16(actor_critic)
    if compared is not None:
        require_apart(compared, policy)
        if not needs_bf16 and all(one.dtype not in HALF for one in policy.parameters()):
            to_fp32(compared)  # both compute alike, or the KL would start at what rounding makes of it
        processes.make_alike(compared)
    with training_precision(processes.device, bf16=needs_bf16):
        reference = Reference(
            actor_critic, compared, is_needed=config.kl_coef != 0, is_sharded=processes.sharding is not None
        )
    return Parts(
        actor_critic, reference, tokenizer, processes, fewest_positions(policy, trunk, compared),
        bf16=config.bf16 or needs_bf16,
    )  # fmt: skip


def fewest_positions(*models: Any) -> int | None:
    return min((n for one in models if one is not None and (n := num_positions_of(one)) is not None), default=None)


def require_precision(mixed_precision: str, config: PPOConfig) -> None:
    """UserError where accelerate's config asks for another precision than PPO's; it would not be heeded."""
    if mixed_precision != "no" and not (mixed_precision == "bf16" and config.bf16):
        raise UserError(
            f"accelerate's config has mixed_precision: {mixed_precision}; set it to 'no', "
            "and bf16=True in PPOConfig for forward passes in bfloat16"
        )


def prepare(model: Any, config: PPOConfig) -> Any:
    """One distribution for sampling and training: the model stays in eval mode, also where layers are recomputed."""
    if config.gradient_checkpointing:
        recompute_layers(model)
    return model.eval()
