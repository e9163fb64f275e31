"""Every formula against plain Python loops over NumPy arrays, or against numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rlaif.rl.functional import (
    adapt_kl_coef,
    entropy_of,
    explained_variance,
    gae,
    kl_penalty,
    last_action,
    logprobs_of,
    masked_mean,
    masked_whiten,
    policy_loss,
    token_rewards,
    value_loss,
)

# Completions in [B, L]: in the middle; EOS as the first and only action; up to the last column.
MASK = torch.tensor(
    [
        [0, 0, 1, 1, 1, 0, 0],
        [0, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 1, 1, 1],
    ],
    dtype=torch.bool,
)


def noise(seed: int) -> Tensor:
    """[3, 7], also outside the mask, where it must not matter."""
    return torch.randn(MASK.shape, generator=torch.Generator().manual_seed(seed))


def gae_by_loop(rewards: Tensor, values: Tensor, gamma: float, lam: float) -> tuple[np.ndarray, np.ndarray]:
    """Each row's actions on their own, by the definition A_t = Σ_k (γλ)^k δ_{t+k}."""
    advantages, returns = np.zeros(MASK.shape), np.zeros(MASK.shape)
    for row, mask in enumerate(MASK.numpy()):
        steps = np.flatnonzero(mask)
        r, v = rewards[row, steps].double().numpy(), values[row, steps].double().numpy()
        v_next = np.append(v[1:], 0.0)
        delta = r + gamma * v_next - v
        for i, step in enumerate(steps):
            advantages[row, step] = sum((gamma * lam) ** k * d for k, d in enumerate(delta[i:]))
            returns[row, step] = advantages[row, step] + v[i]
    return advantages, returns


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 0.5), (1.0, 1.0), (1.0, 0.0)])
def test_gae_equals_the_loop(gamma: float, lam: float) -> None:
    advantages, returns = gae(noise(0), noise(1), MASK, gamma, lam)
    expected_advantages, expected_returns = gae_by_loop(noise(0), noise(1), gamma, lam)
    np.testing.assert_allclose(advantages, expected_advantages, atol=1e-5)
    np.testing.assert_allclose(returns, expected_returns, atol=1e-5)


def test_gae_by_hand() -> None:
    """δ = (0 + 0.5 − 1, 2 − 0.5) = (−0.5, 1.5); A = (−0.5 + 0.5·1.5, 1.5)."""
    advantages, returns = gae(
        torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.5]]), torch.ones(1, 2, dtype=torch.bool), 1.0, 0.5
    )
    torch.testing.assert_close(advantages, torch.tensor([[0.25, 1.5]]))
    torch.testing.assert_close(returns, torch.tensor([[1.25, 2.0]]))


def test_the_score_is_paid_at_the_last_action() -> None:
    rewards = token_rewards(torch.tensor([1.0, 2.0, 3.0]), noise(0), MASK, kl_coef=0.1)
    expected = np.where(MASK.numpy(), -0.1 * noise(0).numpy(), 0.0)
    for row, (column, score) in enumerate([(4, 1.0), (1, 2.0), (6, 3.0)]):
        expected[row, column] += score
    np.testing.assert_allclose(rewards, expected, atol=1e-6)
    assert last_action(MASK).tolist() == [4, 1, 6]


def test_whitening_sees_only_the_mask() -> None:
    values = noise(0).masked_fill(~MASK, 1e9)
    inside = values[MASK].double().numpy()
    whitened = masked_whiten(values, MASK)
    np.testing.assert_allclose(whitened[MASK], (inside - inside.mean()) / inside.std(), atol=1e-5)
    assert (whitened[~MASK] == 0).all()
    kept = masked_whiten(values, MASK, keep_mean=True)
    np.testing.assert_allclose(kept[MASK], (inside - inside.mean()) / inside.std() + inside.mean(), atol=1e-5)
    assert masked_mean(values, MASK).item() == pytest.approx(inside.mean(), abs=1e-5)


def test_kl_estimators_by_hand_and_on_average() -> None:
    """At π = 0.5, π_ref = 0.25, q = −log 2; the mean of k1 and of k3 under π is the true KL."""
    new, ref = torch.tensor([math.log(0.5)]), torch.tensor([math.log(0.25)])
    assert kl_penalty(new, ref, "k1").item() == pytest.approx(math.log(2), abs=1e-6)
    assert kl_penalty(new, ref, "k2").item() == pytest.approx(math.log(2) ** 2 / 2, abs=1e-6)
    assert kl_penalty(new, ref, "k3").item() == pytest.approx(0.5 - 1 + math.log(2), abs=1e-6)

    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6])
    true = float((p * np.log(p / q)).sum())
    for estimator in ("k1", "k3"):
        estimates = kl_penalty(torch.tensor(np.log(p)), torch.tensor(np.log(q)), estimator)
        assert float((p * estimates.numpy()).sum()) == pytest.approx(true, abs=1e-6)


def test_policy_loss_equals_the_loop() -> None:
    new, old, advantages = noise(0), noise(0) + 0.4 * noise(1), noise(2)
    result = policy_loss(new, old, advantages, clip_range=0.2)
    for index in np.ndindex(*MASK.shape):
        ratio, advantage = math.exp(new[index] - old[index]), advantages[index].item()
        surrogate = min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage)
        assert result.loss[index].item() == pytest.approx(-surrogate, abs=1e-5)
        stuck = (advantage > 0 and ratio > 1.2) or (advantage < 0 and ratio < 0.8)
        assert result.clipped[index].item() == stuck
    assert 0 < result.clipped.sum() < result.clipped.numel()


def test_value_loss_equals_the_loop() -> None:
    new, old, returns = noise(0), noise(0) + 0.3 * noise(1), noise(2)
    result = value_loss(new, old, returns, clip_range=0.2)
    for index in np.ndindex(*MASK.shape):
        v, v_old, target = new[index].item(), old[index].item(), returns[index].item()
        near = min(max(v, v_old - 0.2), v_old + 0.2)
        assert result.loss[index].item() == pytest.approx(0.5 * max((v - target) ** 2, (near - target) ** 2), abs=1e-5)
        assert result.clipped[index].item() == ((near - target) ** 2 > (v - target) ** 2)
    assert 0 < result.clipped.sum() < result.clipped.numel()


def test_logprobs_and_entropy_with_temperature() -> None:
    logits, temperature = noise(0), 0.7
    scaled = logits.double().numpy() / temperature
    probabilities = np.exp(scaled) / np.exp(scaled).sum(1, keepdims=True)
    tokens = torch.tensor([2, 0, 6])
    expected = np.log(probabilities[[0, 1, 2], tokens.numpy()])
    np.testing.assert_allclose(logprobs_of(logits, tokens, temperature), expected, atol=1e-5)
    expected = -(probabilities * np.log(probabilities)).sum(1)
    np.testing.assert_allclose(entropy_of(logits, temperature), expected, atol=1e-5)


def test_explained_variance() -> None:
    returns, values = noise(0), 0.5 * noise(0) + 0.1 * noise(1)
    r, v = returns[MASK].double().numpy(), values[MASK].double().numpy()
    found = explained_variance(values.masked_fill(~MASK, 1e6), returns, MASK).item()
    assert found == pytest.approx(1 - (r - v).var() / r.var(), abs=1e-5)
    assert 0.5 < found < 1
    assert explained_variance(returns, returns, MASK).item() == pytest.approx(1)
    assert explained_variance(torch.zeros(3, 7), returns, MASK).item() == pytest.approx(0, abs=1e-6)
    assert math.isnan(explained_variance(values, torch.ones(3, 7), MASK).item())


@pytest.mark.parametrize(
    ("kl", "expected"),
    [(6.0, 0.2), (6.6, 0.2 * (1 + 0.1 * 0.0256)), (600.0, 0.2 * (1 + 0.2 * 0.0256)), (0.0, 0.2 * (1 - 0.2 * 0.0256))],
)  # fmt: skip
def test_adaptive_kl_coefficient(kl: float, expected: float) -> None:
    assert adapt_kl_coef(0.2, kl, target_kl=6.0, horizon=10000, num_samples=256) == pytest.approx(expected)
