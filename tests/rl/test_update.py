"""Gradients and optimizer steps of one rollout."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rlaif.models.generation import Generation
from rlaif.models.value_head import ValueHead
from rlaif.rl.config import PPOConfig
from rlaif.rl.forward import score_actions
from rlaif.rl.functional import masked_sum, policy_loss, value_loss
from rlaif.rl.rollout import Rollout, look_at, pad_right
from rlaif.rl.update import update

EOS = 0
# Prompts and completions of several lengths: EOS alone, EOS last, no EOS.
SAMPLES = [((3, 4), (EOS,)), ((1, 2, 3, 4), (5, 6, EOS)), ((7,), (1, 2, 3, 4, 5)), ((5, 5, 5), (6, EOS))]


def settings(**changes: Any) -> PPOConfig:
    base = PPOConfig(
        seed=0, max_new_tokens=5, max_prompt_tokens=8, rollout_batch_size=4, num_ppo_epochs=1,
        learning_rate=1e-3, max_grad_norm=1e9, vf_coef=0.5,
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def make_rollout(policy: nn.Module, value_head: nn.Module, ref_policy: nn.Module, config: PPOConfig) -> Rollout:
    generations = [
        Generation("", prompt, completion, "stop" if completion[-1] == EOS else "length")
        for prompt, completion in SAMPLES
    ]
    sequences = pad_right(generations, torch.device("cpu"))
    return Rollout(
        prompts=[""] * 4, completions=[""] * 4, **sequences, scores=torch.zeros(4),
        **look_at(policy, value_head, ref_policy, sequences, config), reward_means={}, num_left_out=0,
        num_prompts_cut=0, num_sampled_tokens=11, generation_seconds=1.0, reward_seconds=1.0,
    )  # fmt: skip


class RecordingOptimizer(torch.optim.SGD):
    """Keeps each step's gradients as the optimizer got them, and moves nothing."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        super().__init__(parameters, lr=0.0)
        self.seen: list[list[Tensor]] = []

    def step(self, closure: Any = None) -> None:
        self.seen.append([p.grad.clone() for p in self.param_groups[0]["params"]])


@pytest.fixture
def setup(make_policy: Callable[..., nn.Module]) -> Any:
    """A policy that has moved off the rollout's policy, so that ratios differ from 1 and clipping acts."""
    old, ref_policy = make_policy(seed=0).eval(), make_policy(seed=1).eval()
    value_head = ValueHead(32)
    torch.manual_seed(3)
    nn.init.normal_(value_head.linear.weight, std=0.3)
    rollout = make_rollout(old, value_head, ref_policy, settings())
    policy = copy.deepcopy(old)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    advantages = torch.randn(rollout.input_ids.shape) * rollout.action_mask
    return policy, value_head, rollout, advantages, advantages + rollout.values


def gradients_of_update(setup: Any, config: PPOConfig) -> tuple[list[list[Tensor]], Any]:
    policy, value_head, rollout, advantages, returns = setup
    parameters = [*policy.parameters(), *value_head.parameters()]
    optimizer = RecordingOptimizer(parameters)
    statistics = update(
        policy, value_head, optimizer, rollout, advantages, returns, config, torch.Generator().manual_seed(0)
    )
    return optimizer.seen, statistics


def reference_gradients(setup: Any) -> tuple[list[Tensor], Tensor, Tensor]:
    """Each sample alone, without padding, in full-vocabulary logits: nothing shared with `score_actions`."""
    policy, value_head, rollout, advantages, returns = setup
    actor, critic = torch.zeros(()), torch.zeros(())
    for row, (prompt, completion) in enumerate(SAMPLES):
        ids = torch.tensor([prompt + completion])
        output = policy(input_ids=ids, output_hidden_states=True)
        steps = torch.arange(len(prompt), ids.shape[1])
        logprobs = output.logits[0].log_softmax(-1)[steps - 1, ids[0, steps]]
        values = value_head(output.hidden_states[-1][0, steps - 1])
        actor = actor + policy_loss(logprobs, rollout.logprobs[row, steps], advantages[row, steps], 0.2).loss.sum()
        critic = critic + value_loss(values, rollout.values[row, steps], returns[row, steps], 0.2).loss.sum()
    num_tokens = sum(len(completion) for _, completion in SAMPLES)
    parameters = [*policy.parameters(), *value_head.parameters()]
    gradients = torch.autograd.grad((actor + 0.5 * critic) / num_tokens, parameters)
    return list(gradients), actor.detach() / num_tokens, critic.detach() / num_tokens


@pytest.mark.parametrize("micro_batch_size", [1, 2, 3, 4])
def test_micro_batches_and_padding_change_nothing(setup: Any, micro_batch_size: int) -> None:
    seen, statistics = gradients_of_update(setup, settings(micro_batch_size=micro_batch_size))
    expected, actor, critic = reference_gradients(setup)
    assert statistics.policy_loss == pytest.approx(actor.item(), abs=1e-5)
    assert statistics.value_loss == pytest.approx(critic.item(), abs=1e-5)
    for found, gradient in zip(seen[0], expected, strict=True):
        torch.testing.assert_close(found, gradient, atol=1e-5, rtol=1e-4)
    norm = torch.stack([gradient.norm() for gradient in expected]).norm().item()
    assert statistics.grad_norm == pytest.approx(norm, rel=1e-4)


def test_left_and_right_padding_are_the_same(setup: Any) -> None:
    policy, value_head, rollout, advantages, _ = setup
    parameters = [*policy.parameters(), *value_head.parameters()]

    def loss_and_gradients(shift: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
        def placed(tensor: Tensor) -> Tensor:
            rows = zip(tensor, rollout.lengths.tolist(), strict=True)
            return torch.stack([row.roll(len(row) - length) if shift else row for row, length in rows])

        real = torch.arange(rollout.input_ids.shape[1])[None] < rollout.lengths[:, None]
        mask = placed(rollout.action_mask)
        now = score_actions(
            policy, placed(rollout.input_ids), mask, temperature=1.0, value_head=value_head,
            attention_mask=placed(real) if shift else None,
        )  # fmt: skip
        actor = policy_loss(now.logprobs, placed(rollout.logprobs), placed(advantages), 0.2)
        loss = masked_sum(actor.loss, mask) + masked_sum(now.values**2, mask)
        return loss, torch.autograd.grad(loss, parameters)

    right, left = loss_and_gradients(False), loss_and_gradients(True)
    torch.testing.assert_close(left[0], right[0], atol=1e-5, rtol=1e-5)
    for a, b in zip(left[1], right[1], strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("epochs", "mini_batches"), [(1, 1), (4, 1), (3, 2), (2, 4)])
def test_one_optimizer_step_a_minibatch(setup: Any, epochs: int, mini_batches: int) -> None:
    config = settings(num_ppo_epochs=epochs, num_mini_batches=mini_batches, micro_batch_size=1)
    seen, statistics = gradients_of_update(setup, config)
    assert len(seen) == statistics.num_steps == epochs * mini_batches


def test_metrics_are_not_diluted(setup: Any) -> None:
    """The policy does not move here, so any number of epochs and minibatches has the same means."""
    _, once = gradients_of_update(setup, settings())
    _, often = gradients_of_update(setup, settings(num_ppo_epochs=3, num_mini_batches=4, micro_batch_size=1))
    for name in ("policy_loss", "value_loss", "ratio_mean", "clip_fraction", "value_clip_fraction"):
        assert getattr(often, name) == pytest.approx(getattr(once, name), abs=1e-5)
    assert 0 < once.clip_fraction < 1


def test_clipping_is_seen_by_the_optimizer(setup: Any) -> None:
    seen, statistics = gradients_of_update(setup, settings(max_grad_norm=0.01))
    norm = torch.stack([gradient.norm() for gradient in seen[0]]).norm().item()
    assert norm == pytest.approx(0.01, rel=1e-3)
    assert statistics.grad_norm > 0.1  # as it was before


def test_eos_is_trained_where_it_is_also_the_padding(setup: Any) -> None:
    """Only the EOS actions have an advantage: the gradient must not be zero, and must favour EOS."""
    policy, value_head, rollout, _, _ = setup
    is_eos = rollout.action_mask & (rollout.input_ids == EOS)
    assert is_eos.sum() == 3
    advantages = is_eos.float()
    before = score_actions(policy, rollout.input_ids, rollout.action_mask, temperature=1.0).logprobs[is_eos]
    optimizer = torch.optim.SGD([*policy.parameters(), *value_head.parameters()], lr=0.01)
    update(
        policy, value_head, optimizer, rollout, advantages, rollout.values, settings(vf_coef=0.0),
        torch.Generator().manual_seed(0),
    )  # fmt: skip
    after = score_actions(policy, rollout.input_ids, rollout.action_mask, temperature=1.0).logprobs[is_eos]
    assert after.sum() > before.sum() + 1e-4


def test_first_ratio_is_one(make_policy: Callable[..., nn.Module]) -> None:
    policy, value_head = make_policy(seed=0).eval(), ValueHead(32)
    config = settings(micro_batch_size=2, temperature=0.8)
    rollout = make_rollout(policy, value_head, copy.deepcopy(policy), config)
    torch.testing.assert_close(rollout.logprobs, rollout.ref_logprobs, atol=0, rtol=0)
    now = score_actions(policy, rollout.input_ids, rollout.action_mask, temperature=0.8).logprobs
    assert (torch.exp(now - rollout.logprobs) - 1).abs().max() < 1e-5
