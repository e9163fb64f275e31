"""One forward pass over sequences: log-probabilities, values and entropy of their actions.

The head sees only hidden states that choose an action, so that no full-vocabulary logits are
made for prompts or padding; where the model can have packed attention, the layers do not see padding either.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rlaif.errors import UserError
from rlaif.models.generation import eval_mode
from rlaif.models.heads import head_of, take_over
from rlaif.models.padding import tokens_first
from rlaif.models.trunk import trunk_of, unwrapped
from rlaif.rl.activations import fuse_activations
from rlaif.rl.actor_critic.chunked import token_scores
from rlaif.rl.actor_critic.packing import is_packable, pack, prepare_packing
from rlaif.rl.actor_critic.tied_embeddings import HeadGradient, Lookup, is_tied


class ActionScores(NamedTuple):
    """Per-token results, [B, L] fp32 each; 0 outside the action mask."""

    logprobs: Tensor
    values: Tensor | None
    entropy: Tensor | None


class ActorCritic(nn.Module):
    """Policy and critic as one module: DDP and FSDP2 wrap it, so all that has a gradient goes through `forward`.

    The critic is a head on the policy's own trunk, or, with `value_trunk`, on a trunk of its own. Without `value_head`
    it is a policy only, such as a frozen reference.

    The policy and the critic are made ready for fast passes, without a change in what they compute: packed attention
    where they use "sdpa", and GPT-2's GELU as one operation.
    """

    def __init__(
        self,
        policy: nn.Module,
        value_head: nn.Module | None = None,
        value_trunk: nn.Module | None = None,
        like: ActorCritic | None = None,
    ) -> None:
        """Make one of its parts.

        Args:
            value_trunk: a transformers model without head, or with one, which is then not used.
            like: one that this one's policy is a copy of; what was found out about its head is not found out again.

        Raises:
            UserError: a policy whose logits are not a function of its trunk's last hidden states.
        """
        super().__init__()
        if value_trunk is not None and value_head is None:
            raise UserError("value_trunk: a critic needs a value_head on its trunk")
        if like is None:
            require_separable_head(policy)
        else:
            take_over(policy, like.policy)
        self.policy: Any = policy
        self.value_head: Any = value_head
        self.value_trunk: Any = None if value_trunk is None else trunk_of(value_trunk)
        for model in (self.policy, self.value_trunk):
            if model is not None:
                prepare_packing(unwrapped(model), trunk_of(model))
                fuse_activations(model)
        self.train(policy.training)

    def forward(
        self,
        input_ids: Tensor,
        action_mask: Tensor,
        *,
        temperature: float = 1.0,
        attention_mask: Tensor | None = None,
        with_entropy: bool = False,
        chunk_size: int | None = None,
    ) -> ActionScores:
        """Score the tokens of `input_ids` [B, L] that `action_mask` [B, L] marks; see `score_actions`."""
        scores = score_actions(
            self.policy,
            input_ids,
            action_mask,
            temperature=temperature,
            value_head=self.value_head if self.values_from_policy else None,
            attention_mask=attention_mask,
            with_entropy=with_entropy,
            chunk_size=chunk_size,
        )
        if self.value_trunk is None:
            return scores
        return scores._replace(values=self.separate_values(input_ids, action_mask, attention_mask))

    @torch.no_grad()
    def reference(
        self,
        input_ids: Tensor,
        action_mask: Tensor,
        *,
        temperature: float = 1.0,
        attention_mask: Tensor | None = None,
        chunk_size: int | None = None,
    ) -> Tensor:
        """Log-probabilities [B, L] under the policy with its adapters switched off; no gradient.

        UserError where the policy is not a PEFT model.
        """
        if not hasattr(self.policy, "disable_adapter"):
            raise UserError(f"{type(self.policy).__name__} has no adapters to switch off: give a reference model")
        with self.policy.disable_adapter():
            return score_actions(
                self.policy,
                input_ids,
                action_mask,
                temperature=temperature,
                attention_mask=attention_mask,
                chunk_size=chunk_size,
            ).logprobs

    def separate_values(self, input_ids: Tensor, action_mask: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """[B, L]: of the critic with a trunk of its own."""
        states = action_states(self.value_trunk, input_ids, action_mask, attention_mask)
        return placed(self.value_head(states), action_mask)

    @property
    def values_from_policy(self) -> bool:
        """Whether the values come from the policy's hidden states."""
        return self.value_head is not None and self.value_trunk is None

    @property
    def trunk(self) -> Any:
        """The policy without its head."""
        return trunk_of(self.policy)

    @property
    def head(self) -> Any:
        return head_of(self.policy)


def score_actions(
    model: nn.Module,
    input_ids: Tensor,
    action_mask: Tensor,
    *,
    temperature: float,
    value_head: nn.Module | None = None,
    attention_mask: Tensor | None = None,
    with_entropy: bool = False,
    chunk_size: int | None = None,
) -> ActionScores:
    """Score the tokens of `input_ids` [B, L] that `action_mask` [B, L] marks.

    Without `attention_mask` [B, L] the sequences are padded on the right. The action at t is scored from the hidden
    state at t − 1, so column 0 is never an action. `values` needs `value_head`, `entropy` needs `with_entropy`.
    `chunk_size` bounds the logits in memory: see `token_scores`.
    """
    trunk, head = trunk_of(model), head_of(model)
    head_gradient = None
    if is_packable(trunk) and is_tied(trunk.get_input_embeddings(), head) and not is_autocast(input_ids):
        head_gradient = HeadGradient()
    states = action_states(trunk, input_ids, action_mask, attention_mask, head_gradient)
    logprobs, entropy = token_scores(
        states,
        head,
        input_ids[action_mask],
        temperature=temperature,
        with_entropy=with_entropy,
        chunk_size=chunk_size,
        head_gradient=head_gradient,
    )
    return ActionScores(
        logprobs=placed(logprobs, action_mask),
        values=placed(value_head(states), action_mask) if value_head is not None else None,
        entropy=placed(entropy, action_mask) if entropy is not None else None,
    )


def placed(per_action: Tensor, action_mask: Tensor) -> Tensor:
    """[N] -> [B, L]"""
    return per_action.new_zeros(action_mask.shape).masked_scatter(action_mask, per_action)


def is_autocast(tensor: Tensor) -> bool:
    return torch.is_autocast_enabled(tensor.device.type)


def action_states(
    trunk: Any,
    input_ids: Tensor,
    action_mask: Tensor,
    attention_mask: Tensor | None,
    head_gradient: HeadGradient | None = None,
) -> Tensor:
    """The hidden states that choose the marked tokens, [N, H], row after row."""
    if is_packable(trunk):
        return packed_action_states(trunk, input_ids, action_mask, attention_mask, head_gradient)
    if attention_mask is not None:
        input_ids, action_mask = tokens_first(attention_mask, input_ids, action_mask)
    # Padding on the right is never seen by a causal model's tokens: no mask is needed, which is faster.
    hidden = trunk(input_ids=input_ids, use_cache=False).last_hidden_state
    return hidden[:, :-1][action_mask[:, 1:]]


def packed_action_states(
    trunk: Any,
    input_ids: Tensor,
    action_mask: Tensor,
    attention_mask: Tensor | None,
    head_gradient: HeadGradient | None,
) -> Tensor:
    """`action_states` of the tokens before each row's last action: the others have no influence on it."""
    chooses = torch.zeros_like(action_mask)
    chooses[:, :-1] = action_mask[:, 1:]
    kept = chooses.flip(1).cummax(1).values.flip(1)
    if attention_mask is not None:
        kept &= attention_mask.bool()
    sequences = pack(input_ids, kept)
    embeddings = None
    if head_gradient is not None:
        embeddings = Lookup.apply(trunk.get_input_embeddings().weight, sequences.input_ids, head_gradient)
    hidden = trunk(**sequences.arguments(embeddings), use_cache=False).last_hidden_state[0]
    return hidden.index_select(0, chooses[kept].nonzero()[:, 0])


@torch.no_grad()
def require_separable_head(model: Any) -> None:
    """UserError for models whose logits are not a function of their trunk's last hidden states."""
    ids = torch.tensor([[0, 1, 0]], device=next(model.parameters()).device)
    with eval_mode(model):
        whole = model(input_ids=ids, use_cache=False).logits[0]
        try:
            split = head_of(model)(trunk_of(model)(input_ids=ids, use_cache=False).last_hidden_state[0])
        except Exception:  # what an architecture's head makes of hidden states alone, whatever it is
            split = whole.new_full(whole.shape, torch.nan)
    if not torch.allclose(whole.float(), split.float(), rtol=1e-3, atol=1e-3):
        raise UserError(
            f"{type(unwrapped(model)).__name__} makes its logits of more than its trunk's last hidden states, "
            "and PPO supports only models whose logits are a function of these"
        )


@contextmanager
def training_precision(device: torch.device, *, bf16: bool) -> Iterator[None]:
    """bf16 autocast or plain fp32. On CPUs without bf16 units, bf16 is slower than fp32, not faster."""
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
        yield
