"""The policy that the KL penalty is measured against, in as little memory as there is to have."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rlaif.models.generation import device_of, eval_mode
from rlaif.models.merging import copy_module
from rlaif.rl.actor_critic.forward import ActorCritic, score_actions, unwrapped

logger = logging.getLogger(__name__)

TOLERANCE = 1e-5
"""Nats: how far the policy without its adapters may be from where PPO starts, to be the reference."""
SHAPE = (8, 4)
"""Sequences and their tokens that both are asked for."""
NUM_EMBEDDINGS = 4096
"""Looked up at once."""


class Reference:
    """The policy as it is when PPO starts, or a model that is given; in one of these forms:

    - the policy with its adapters switched off (PEFT), where that is what PPO starts from, and stays so;
    - the policy with the starting values of its trainable parameters put back for the pass, where others are frozen;
    - a frozen model of its own: a copy of the policy, or `ref_model`.

    Args:
        actor: the policy.
        ref_model: a model of its own, frozen here. None: the policy as it is now.
        is_needed: False where nothing asks for it (kl_coef 0); then nothing is kept.
        is_sharded: whether weights are going to be cut among processes; then nothing is put back into them.
    """

    def __init__(
        self, actor: ActorCritic, ref_model: nn.Module | None, *, is_needed: bool, is_sharded: bool = False
    ) -> None:
        self._actor = actor
        self.model: ActorCritic | None = None
        """None where there is no second model."""
        self.start: dict[str, Tensor] | None = None
        """Starting values of the policy's trainable parameters, by name, where they are put back."""
        self.is_needed = is_needed
        policy: Any = actor.policy
        if not is_needed or (ref_model is None and starts_without_adapters(policy)):
            return
        if ref_model is None and not is_sharded and any(not one.requires_grad for one in policy.parameters()):
            self.start = {name: one.detach().clone() for name, one in trainable(policy).items()}
        else:
            frozen = copy_module(policy) if ref_model is None else ref_model
            self.model = ActorCritic(frozen.requires_grad_(False).eval(), like=actor if ref_model is None else None)
        if ref_model is None and hasattr(policy, "disable_adapter"):
            logger.warning(
                "the KL penalty's reference is a copy of %s (%.0f MB): the adapters switched off are not where PPO "
                "starts, or more is trained than they",
                "the trainable parameters" if self.start is not None else "the policy", self.num_bytes / 1e6,
            )  # fmt: skip

    @property
    def num_bytes(self) -> int:
        """Memory of what is kept beside the policy."""
        kept = [] if self.model is None else [*self.model.policy.parameters()]
        return sum(one.numel() * one.element_size() for one in (*kept, *(self.start or {}).values()))

    @torch.no_grad()
    def logprobs(self, input_ids: Tensor, action_mask: Tensor, **settings: Any) -> Tensor:
        """[B, L] log-probabilities of the actions; ``settings`` as `ActorCritic.forward` has them."""
        if self.model is not None:
            return self.model(input_ids, action_mask, **settings).logprobs
        if self.start is None:
            return self._actor.reference(input_ids, action_mask, **settings)
        with self.as_at_the_start():
            settings = {"temperature": 1.0, **settings}
            return score_actions(self._actor.policy, input_ids, action_mask, **settings).logprobs

    @contextmanager
    def as_at_the_start(self) -> Iterator[None]:
        """Inside, the policy's trainable parameters have their starting values; only pointers change hands."""
        assert self.start is not None
        parameters = trainable(self._actor.policy)
        now = {name: parameters[name].data for name in self.start}
        for name, values in self.start.items():
            parameters[name].data = values
        try:
            yield
        finally:
            for name, values in now.items():
                parameters[name].data = values

    def state_dict(self) -> dict[str, Tensor] | None:
        """What a resumed run cannot make again: adapters may be drawn at random."""
        return self.start

    def load_state_dict(self, state: Mapping[str, Tensor] | None) -> None:
        for name, values in (state or {}).items():
            if self.start is not None:
                self.start[name].copy_(values)


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """By name."""
    return {name: one for name, one in model.named_parameters() if one.requires_grad}


def starts_without_adapters(policy: Any) -> bool:
    """Whether the policy with its adapters switched off computes what the policy computes now, and will still when its
    trainable parameters have changed.

    Neither can be read off the settings: PiSSA and OLoRA change the base weights, an adapter may have been trained
    before, and biases or embeddings may be trained that no switch reaches. So both are asked for the whole embedding
    and for the logits of some tokens, and the graph behind these says which parameters take part.
    """
    if not hasattr(policy, "disable_adapter"):
        return False
    with eval_mode(policy), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT's, that switching off may not be enough
        if not embeds_alike(policy):
            return False
        with torch.no_grad():
            now = some_logprobs(policy)
        with policy.disable_adapter(), torch.enable_grad():
            base = some_logprobs(policy)
    is_trained = base.requires_grad and reaches(base, list(trainable(policy).values()))
    return not is_trained and is_close(now, base)


@torch.no_grad()
def embeds_alike(policy: Any) -> bool:
    """Whether every token's embedding is the same without adapters, of which some change a few tokens only."""
    embedding = unwrapped(policy).get_input_embeddings()
    for ids in torch.arange(len(embedding.weight), device=device_of(policy)).split(NUM_EMBEDDINGS):
        now = embedding(ids)
        with policy.disable_adapter():
            if not is_close(now, embedding(ids)):
                return False
    return True


def some_logprobs(policy: Any) -> Tensor:
    """Log-probabilities [*SHAPE, V] fp32 behind tokens from all over the vocabulary."""
    last = len(unwrapped(policy).get_input_embeddings().weight) - 1
    ids = torch.linspace(0, last, SHAPE[0] * SHAPE[1], device=device_of(policy)).long().view(SHAPE)
    logits: Tensor = policy(input_ids=ids, use_cache=False).logits
    return logits.float().log_softmax(-1)


def is_close(now: Tensor, base: Tensor) -> bool:
    return (now.float() - base.float()).abs().max().item() <= TOLERANCE


def reaches(output: Tensor, parameters: list[nn.Parameter]) -> bool:
    """Whether one of the parameters takes part in what was computed."""
    found = torch.autograd.grad(output.sum(), parameters, allow_unused=True)
    return any(one is not None for one in found)
