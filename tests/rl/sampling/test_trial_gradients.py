"""What is tried with a policy when the trainer is made: a pass that cannot be trained through is refused."""

from __future__ import annotations

import pytest
import torch

from rlaif.errors import UserError
from rlaif.rl.actor_critic.forward import ActorCritic
from rlaif.rl.sampling.trial import decoding_of
from tests.rl.architectures import gpt2


def test_gradients_are_tried_too() -> None:
    model = gpt2()
    model.transformer.ln_f.register_forward_pre_hook(refuse_gradients)
    with pytest.raises(UserError, match="GPT2LMHeadModel cannot be trained by PPO: it has no gradients in eval mode"):
        decoding_of(ActorCritic(model.eval()))


def refuse_gradients(module: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
    """As Reformer does outside of training mode."""
    assert module.training or not torch.is_grad_enabled(), "use model.train()"


def test_a_trial_leaves_no_gradients() -> None:
    actor_critic = ActorCritic(gpt2().eval())
    decoding_of(actor_critic)
    assert all(parameter.grad is None for parameter in actor_critic.parameters())
