"""Gradients and optimizer steps of one rollout."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from rlaif.models.value_head import ValueHead
from rlaif.rl.actor_critic.forward import ActorCritic
from rlaif.rl.actor_critic.reference import Reference
from rlaif.rl.config import PPOConfig
from rlaif.rl.dataset import Prompt
from rlaif.rl.functional import masked_mean, masked_sum, policy_loss, value_loss
from rlaif.rl.processes import Processes
from rlaif.rl.rollout import Episode, Rollout, look_at, sampled_tensors
from rlaif.rl.sampling.sampler import SampledTokens
from rlaif.rl.update import update

EOS = 0
# Prompts and completions of several lengths: EOS alone, EOS last, no EOS.
SAMPLES = [((3, 4), (EOS,)), ((1, 2, 3, 4), (5, 6, EOS)), ((7,), (1, 2, 3, 4, 5)), ((5, 5, 5), (6, EOS))]


def settings(**changes: Any) -> PPOConfig:
    base = PPOConfig(
        seed=0, max_completion_length=5, max_prompt_length=8, rollout_batch_size=4, num_ppo_epochs=1,
        num_mini_batches=1, learning_rate=1e-3, max_grad_norm=1e9, vf_coef=0.5,
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


PROCESSES = Processes(Accelerator(cpu=True))


def make_episode(prompt: tuple[int, ...], completion: tuple[int, ...]) -> Episode:
    nothing = torch.zeros(len(completion))
    return Episode(
        prompt=Prompt("", columns={}), prompt_ids=prompt, num_prompt_tokens_cut=0, completion="",
        tokens=SampledTokens(completion, nothing, nothing, nothing), ends_with_eos=completion[-1] == EOS,
        score=0.0,
    )  # fmt: skip


def make_rollout(actor_critic: ActorCritic, ref_policy: nn.Module, config: PPOConfig) -> Rollout:
    """Of SAMPLES, as that policy and critic see them."""
    episodes = [make_episode(*sample) for sample in SAMPLES]
    sequences = sampled_tensors(episodes, torch.device("cpu"))
    with torch.no_grad():
        seen = actor_critic(
            sequences["input_ids"], sequences["action_mask"], temperature=config.temperature, with_entropy=True
        )
    sequences |= {"logprobs": seen.logprobs, "values": seen.values, "entropy": seen.entropy}
    reference = Reference(actor_critic, ref_policy, is_needed=True)
    return Rollout(
        episodes=episodes, **(sequences | look_at(actor_critic, reference, sequences, config, PROCESSES)),
        scores=torch.zeros(4), reward_means={}, reward_metrics={}, num_left_out=0, num_prompts_cut=0,
        num_sampled_tokens=11, generation_seconds=1.0, reward_seconds=1.0, scoring_seconds=1.0,
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
    rollout = make_rollout(ActorCritic(old, value_head), ref_policy, settings())
    policy = copy.deepcopy(old)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    advantages = torch.randn(rollout.input_ids.shape) * rollout.action_mask
    return ActorCritic(policy, value_head), rollout, advantages, advantages + rollout.values


def parameters_of(actor_critic: ActorCritic) -> list[nn.Parameter]:
    return [*actor_critic.policy.parameters(), *actor_critic.value_head.parameters()]


def gradients_of_update(setup: Any, config: PPOConfig) -> tuple[list[list[Tensor]], Any]:
    actor_critic, rollout, advantages, returns = setup
    optimizer = RecordingOptimizer(parameters_of(actor_critic))
    statistics = update(
        actor_critic, optimizer, rollout, advantages, returns, config, torch.Generator().manual_seed(0), PROCESSES
    )
    return optimizer.seen, statistics


def reference_gradients(setup: Any) -> tuple[list[Tensor], Tensor, Tensor]:
    """Each sample alone, without padding, in full-vocabulary logits: nothing shared with `score_actions`."""
    actor_critic, rollout, advantages, returns = setup
    policy, value_head = actor_critic.policy, actor_critic.value_head
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
    gradients = torch.autograd.grad((actor + 0.5 * critic) / num_tokens, parameters_of(actor_critic))
    return list(gradients), actor.detach() / num_tokens, critic.detach() / num_tokens


@pytest.mark.parametrize(
    "changes",
    [
        *({"per_device_train_batch_size": size} for size in (1, 2, 3, 4)),
        {"max_tokens_per_micro_batch": 8},
        {"max_tokens_per_micro_batch": 1},
        {"logprob_chunk_size": 2},
    ],
)
def test_micro_batches_padding_and_chunks_change_nothing(setup: Any, changes: dict[str, int]) -> None:
    seen, statistics = gradients_of_update(setup, settings(**changes))
    expected, actor, critic = reference_gradients(setup)
    assert statistics.policy_loss == pytest.approx(actor.item(), abs=1e-5)
    assert statistics.value_loss == pytest.approx(critic.item(), abs=1e-5)
    for found, gradient in zip(seen[0], expected, strict=True):
        torch.testing.assert_close(found, gradient, atol=1e-5, rtol=1e-4)
    norm = torch.stack([gradient.norm() for gradient in expected]).norm().item()
    assert statistics.grad_norm == pytest.approx(norm, rel=1e-4)


def test_left_and_right_padding_are_the_same(setup: Any) -> None:
    actor_critic, rollout, advantages, _ = setup
    parameters = parameters_of(actor_critic)

    def loss_and_gradients(shift: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
        def placed(tensor: Tensor) -> Tensor:
            rows = zip(tensor, rollout.lengths.tolist(), strict=True)
            return torch.stack([row.roll(len(row) - length) if shift else row for row, length in rows])

        real = torch.arange(rollout.input_ids.shape[1])[None] < rollout.lengths[:, None]
        mask = placed(rollout.action_mask)
        now = actor_critic(placed(rollout.input_ids), mask, attention_mask=placed(real) if shift else None)
        actor = policy_loss(now.logprobs, placed(rollout.logprobs), placed(advantages), 0.2)
        loss = masked_sum(actor.loss, mask) + masked_sum(now.values**2, mask)
        return loss, torch.autograd.grad(loss, parameters)

    right, left = loss_and_gradients(False), loss_and_gradients(True)
    torch.testing.assert_close(left[0], right[0], atol=1e-5, rtol=1e-5)
    for a, b in zip(left[1], right[1], strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("epochs", "mini_batches"), [(1, 1), (4, 1), (3, 2), (2, 4)])
def test_one_optimizer_step_a_minibatch(setup: Any, epochs: int, mini_batches: int) -> None:
    config = settings(num_ppo_epochs=epochs, num_mini_batches=mini_batches, per_device_train_batch_size=1)
    seen, statistics = gradients_of_update(setup, config)
    assert len(seen) == statistics.num_steps == epochs * mini_batches


def test_metrics_are_not_diluted(setup: Any) -> None:
    """The policy does not move here, so any number of epochs and minibatches has the same means."""
    _, once = gradients_of_update(setup, settings())
    _, often = gradients_of_update(setup, settings(num_ppo_epochs=3, num_mini_batches=4, per_device_train_batch_size=1))
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
    actor_critic, rollout, _, _ = setup
    is_eos = rollout.action_mask & (rollout.input_ids == EOS)
    assert is_eos.sum() == 3
    advantages = is_eos.float()
    before = actor_critic(rollout.input_ids, rollout.action_mask).logprobs[is_eos]
    optimizer = torch.optim.SGD(parameters_of(actor_critic), lr=0.01)
    update(
        actor_critic, optimizer, rollout, advantages, rollout.values, settings(vf_coef=0.0),
        torch.Generator().manual_seed(0), PROCESSES,
    )  # fmt: skip
    after = actor_critic(rollout.input_ids, rollout.action_mask).logprobs[is_eos]
    assert after.sum() > before.sum() + 1e-4


def test_first_ratio_is_one_and_first_kl_zero(make_policy: Callable[..., nn.Module]) -> None:
    policy = make_policy(seed=0).eval()
    actor_critic = ActorCritic(policy, ValueHead(32))
    config = settings(per_device_train_batch_size=2, temperature=0.8)
    rollout = make_rollout(actor_critic, copy.deepcopy(policy), config)
    assert rollout.ref_logprobs is not None
    torch.testing.assert_close(rollout.logprobs, rollout.ref_logprobs, atol=1e-5, rtol=0)
    now = actor_critic(rollout.input_ids, rollout.action_mask, temperature=0.8).logprobs
    assert (torch.exp(now - rollout.logprobs) - 1).abs().max() < 1e-5


def test_the_entropy_bonus_spreads_the_policy(setup: Any) -> None:
    actor_critic, rollout, advantages, _ = setup

    def entropy() -> float:
        scores = actor_critic(rollout.input_ids, rollout.action_mask, with_entropy=True)
        return masked_mean(scores.entropy, rollout.action_mask).item()

    before = entropy()
    update(
        actor_critic, torch.optim.SGD(parameters_of(actor_critic), lr=0.01), rollout, torch.zeros_like(advantages),
        rollout.values, settings(vf_coef=0.0, ent_coef=1.0), torch.Generator().manual_seed(0), PROCESSES,
    )  # fmt: skip
    assert entropy() > before + 1e-3


def test_importance_weights_scale_the_policys_loss(setup: Any) -> None:
    actor_critic, rollout, advantages, returns = setup
    half = dataclasses.replace(rollout, importance_weights=0.5 * rollout.action_mask)
    plain, _ = gradients_of_update((actor_critic, rollout, advantages, returns), settings(vf_coef=0.0))
    weighted, _ = gradients_of_update((actor_critic, half, advantages, returns), settings(vf_coef=0.0))
    for found, expected in zip(weighted[0], plain[0], strict=True):
        torch.testing.assert_close(found, expected / 2, atol=1e-6, rtol=1e-4)


def test_sampler_and_trainer_that_differ_get_truncated_weights(setup: Any, make_policy: Any) -> None:
    """π_trainer/π_sampler by hand: the sampler is said to have given every token 2 nats less, or 1 more."""
    actor_critic, rollout, _, _ = setup
    now = actor_critic(rollout.input_ids, rollout.action_mask).logprobs.detach()
    shift = torch.where(torch.arange(now.shape[1]) % 2 == 0, -2.0, 1.0) * rollout.action_mask
    sequences = {
        "input_ids": rollout.input_ids, "action_mask": rollout.action_mask, "lengths": rollout.lengths,
        "logprobs": now + shift,
    }  # fmt: skip
    reference = Reference(actor_critic, None, is_needed=False)
    looked = look_at(actor_critic, reference, sequences, settings(importance_sampling_cap=3.0), PROCESSES)
    torch.testing.assert_close(looked["logprobs"], now, atol=1e-5, rtol=0)
    expected = torch.where(shift < 0, 3.0, math.exp(-1.0)) * rollout.action_mask
    torch.testing.assert_close(looked["importance_weights"], expected, atol=1e-4, rtol=1e-4)
    assert looked["ref_logprobs"] is None


def test_early_stop_ends_the_update_before_the_step(setup: Any) -> None:
    """The policy is off the one that sampled from the start: with a tight bound no step is taken at all."""
    seen, statistics = gradients_of_update(setup, settings(num_ppo_epochs=3, early_stop_kl=1e-6))
    assert (len(seen), statistics.num_steps, statistics.stopped_early) == (0, 0, True)
    seen, statistics = gradients_of_update(setup, settings(num_ppo_epochs=3, early_stop_kl=1e6))
    assert (len(seen), statistics.stopped_early) == (3, False)


def test_a_critic_alone_leaves_the_policys_gradient_out(setup: Any) -> None:
    actor_critic, rollout, advantages, returns = setup
    before = copy.deepcopy(actor_critic.policy.state_dict())
    optimizer = torch.optim.Adam([
        {"params": list(actor_critic.policy.parameters())},
        {"params": list(actor_critic.value_head.parameters()), "critic": True},
    ])
    update(
        actor_critic, optimizer, rollout, advantages, returns, settings(), torch.Generator().manual_seed(0),
        PROCESSES, critic_only=True,
    )  # fmt: skip
    for name, tensor in actor_critic.policy.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert len(optimizer.state) == 2  # the head's weight and bias: no moments were made for the policy
