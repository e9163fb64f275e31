"""The policy that the KL penalty is measured against, in as little memory as there is to have."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from rlaif.rl.actor_critic.forward import ActorCritic


class Reference:
    """One of three: the policy with its adapters switched off (PEFT), a frozen model, or none.

    Args:
        actor: the policy; its trainable adapters, if any, are what is switched off.
        ref_model: a model of its own, frozen here. None: the adapters switched off, or else a frozen copy.
        is_needed: False where nothing asks for it (kl_coef 0); then nothing is kept.
    """

    def __init__(self, actor: ActorCritic, ref_model: nn.Module | None, *, is_needed: bool) -> None:
        self._actor = actor
        self.model: ActorCritic | None = None
        """None where there is no second model."""
        self.is_needed = is_needed
        policy: Any = actor.policy
        if not is_needed or (ref_model is None and hasattr(policy, "disable_adapter")):
            return
        frozen = copy.deepcopy(policy) if ref_model is None else ref_model
        self.model = ActorCritic(frozen.requires_grad_(False).eval())

    @torch.no_grad()
    def logprobs(self, input_ids: Tensor, action_mask: Tensor, **settings: Any) -> Tensor:
        """[B, L] log-probabilities of the actions; ``settings`` as `ActorCritic.forward` has them."""
        if self.model is None:
            return self._actor.reference(input_ids, action_mask, **settings)
        return self.model(input_ids, action_mask, **settings).logprobs
