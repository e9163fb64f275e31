"""Which way of decoding is right for a policy, and whether its training pass is: found by trying them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from rlaif.errors import UserError
from rlaif.models.generation import device_of, eval_mode
from rlaif.models.rows import Way
from rlaif.models.trunk import unwrapped
from rlaif.models.ways import (
    NUM_NEW,
    agree,
    first_right,
    full_precision,
    logprobs_alone,
    possible_ways,
    trial_sequences,
)
from rlaif.rl.actor_critic.forward import ActorCritic
from rlaif.rl.padding import pad_sequences
from rlaif.rl.sampling.aligned_decoding import decode_aligned
from rlaif.rl.sampling.decoding import SampledTokens, decode_shrinking
from rlaif.rl.sampling.static_decoding import can_be_static, decode_static

Decode = Callable[
    [ActorCritic, Sequence[Sequence[int]], Tensor, Collection[int], float, Callable[[int, SampledTokens], None]], None
]
"""`decode_shrinking`, or another that does the same."""

NUM_GRADIENTS = 8
"""Parameters whose gradients are asked for; the backward pass goes through all layers for the first of them."""
FOUND: WeakKeyDictionary[ActorCritic, Way] = WeakKeyDictionary()
STATIC: WeakKeyDictionary[ActorCritic, bool] = WeakKeyDictionary()
"""Of policies that were tried: how rows of unequal length share a batch, and whether the static step is right."""


def decoding_of(actor_critic: ActorCritic) -> Decode:
    """The fastest way to decode in which each token's log-probability is that of a pass over its sequence alone.

    Raises:
        UserError: none is right, or the pass over whole sequences is not.
    """
    if actor_critic not in FOUND:
        trial = Trial(actor_critic)
        way = first_right(possible_ways(actor_critic.policy), lambda way: trial.is_right(decode_in(way)))
        name = type(unwrapped(actor_critic.policy)).__name__
        if way is None:
            raise UserError(
                f"{name} cannot be trained by PPO: in no way of decoding is what it says of a sampled token "
                "what it says in a pass over the sequence alone"
            )
        trial.require_training_pass(name)
        FOUND[actor_critic] = way
    return decode_in(FOUND[actor_critic])


@torch.no_grad()
def require_bf16(actor_critic: ActorCritic) -> None:
    """UserError where the policy does not run under bf16 autocast, as some mixtures of experts do not."""
    trial = Trial(actor_critic)
    try:
        with torch.autocast(device_of(actor_critic).type, dtype=torch.bfloat16):
            trial.runs(decoding_of(actor_critic))
            trial.training_pass()
    except RuntimeError as error:
        name, reason = type(unwrapped(actor_critic.policy)).__name__, str(error).strip().splitlines()[0]
        raise UserError(f"bf16: {name} does not run in bfloat16 autocast ({reason}): set bf16=False") from None


def decode_in(way: Way) -> Decode:
    return decode_shrinking if way is Way.padded else partial(decode_aligned, way=way)


def is_static_right(actor_critic: ActorCritic) -> bool:
    """Whether the static step, as it is before it is compiled, says the same; under the caller's autocast it runs."""
    if not can_be_static(actor_critic.trunk):
        return False
    if actor_critic not in STATIC:
        trial = Trial(actor_critic)
        decode = partial(decode_static, batch_size=len(trial.prompts), kept=False)
        STATIC[actor_critic] = first_right([decode], lambda one: trial.is_right(one) and trial.runs(one)) is not None
    return STATIC[actor_critic]


class Trial:
    """A few tokens sampled behind three prompts of unequal length, of which one row ends first."""

    def __init__(self, actor_critic: ActorCritic) -> None:
        self.actor_critic = actor_critic
        self.prompts = [ids[:-NUM_NEW] for ids in trial_sequences(actor_critic.policy)]
        self.uniforms = torch.tensor([[0.3, 0.9, 0.6], [0.0, 0.5, 0.5], [0.7, 0.2, 0.4]], dtype=torch.float64)
        self.found: dict[int, SampledTokens] = {}
        self.alone: Tensor | None = None
        """What the policy says of the sampled tokens in passes over each sequence alone, once that was asked for."""

    @torch.no_grad()
    def runs(self, decode: Decode) -> bool:
        """Decode; the token that is chosen at 0, which ends the second row, is the first of the vocabulary."""
        self.found, self.alone = {}, None
        uniforms = self.uniforms.to(device_of(self.actor_critic))
        with eval_mode(self.actor_critic):
            decode(self.actor_critic, self.prompts, uniforms, {0}, 1.0, self.found.__setitem__)
        return len(self.found) == len(self.prompts)

    @torch.no_grad()
    def is_right(self, decode: Decode) -> bool:
        with full_precision(self.actor_critic.policy):
            self.runs(decode)
            return self.agrees([self.found[row].logprobs for row in range(len(self.prompts))])

    @torch.no_grad()
    def require_training_pass(self, name: str) -> None:
        """UserError where the pass over what was sampled, together and padded, says other than over each alone."""
        with full_precision(self.actor_critic.policy):
            agrees = self.agrees(self.training_pass())
        if not agrees:
            raise UserError(f"{name} cannot be trained by PPO: what it says of a sequence changes with those beside it")
        try:
            with full_precision(self.actor_critic.policy), torch.enable_grad():
                trained = (one for one in self.actor_critic.policy.parameters() if one.requires_grad)
                smallest = sorted(trained, key=torch.numel)[:NUM_GRADIENTS]  # of early layers too, and cheap
                torch.autograd.grad(torch.cat(self.training_pass()).sum(), smallest, allow_unused=True)
        except Exception as error:  # whatever an architecture raises
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UserError(f"{name} cannot be trained by PPO: it has no gradients in eval mode ({reason})") from None

    def training_pass(self) -> list[Tensor]:
        """Log-probabilities of what was sampled, each row's."""
        input_ids, mask, _ = pad_sequences(self.prompts, [self.found[row].ids for row in range(len(self.prompts))])
        device = device_of(self.actor_critic)
        with eval_mode(self.actor_critic):
            logprobs = self.actor_critic(input_ids.to(device), mask.to(device)).logprobs.cpu()
        return [row[actions] for row, actions in zip(logprobs, mask, strict=True)]

    def agrees(self, logprobs: list[Tensor]) -> bool:
        """Whether these, of the sampled tokens, are those of the policy's own passes over each sequence alone."""
        policy = self.actor_critic.policy
        if self.alone is None:
            self.alone = self.logprobs_alone()
        return agree(torch.cat(logprobs), self.alone, next(policy.parameters()).dtype)

    def logprobs_alone(self) -> Tensor:
        """Of the sampled tokens, row after row."""
        policy, alone = self.actor_critic.policy, []
        with eval_mode(policy):
            for row, prompt in enumerate(self.prompts):
                ids = [*prompt, *self.found[row].ids]
                said = logprobs_alone(policy, ids)[len(prompt) - 1 : -1]
                alone.append(said.cpu().gather(1, torch.tensor(ids[len(prompt) :])[:, None])[:, 0])
        return torch.cat(alone)
