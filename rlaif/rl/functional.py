"""The mathematics of PPO on language models, as pure functions of tensors.

Shapes: N tokens, or B sequences of L tokens, where position t of every [B, L] tensor belongs
to token t itself: `logprobs[b, t]` is log π(token t | tokens before t), `values[b, t]` is the
critic's V of the state in which token t was chosen, and `mask[b, t]` is True where token t is
an action, that is a token of the completion, its EOS included. What a mask leaves out is 0 in
every result.

Sources: Schulman et al. 2017 (PPO, arXiv 1707.06347), Schulman et al. 2016 (GAE, 1506.02438),
Ziegler et al. 2019 (1909.08593; github.com/openai/lm-human-preferences), Schulman 2020
("Approximating KL divergence").
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


def logprobs_of(logits: Tensor, tokens: Tensor, temperature: float = 1.0) -> Tensor:
    """log softmax(logits / temperature)[token]: [N, V], [N] -> [N], fp32."""
    return -F.cross_entropy(tempered(logits, temperature), tokens, reduction="none")


def entropy_of(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """−Σ_v p_v log p_v of softmax(logits / temperature): [N, V] -> [N], fp32."""
    logprobs = tempered(logits, temperature).log_softmax(dim=-1)
    return -(logprobs.exp() * logprobs).sum(dim=-1)


def tempered(logits: Tensor, temperature: float) -> Tensor:
    """logits / temperature, fp32; no copy at 1."""
    return logits.float() if temperature == 1 else logits.float() / temperature


def masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Σ values[mask], a scalar. Infinities and NaN outside the mask do not enter."""
    return values.masked_fill(~mask, 0).sum()


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the mask; NaN for an empty mask, as a mean of nothing is."""
    return masked_sum(values, mask) / mask.sum()


def masked_variance(values: Tensor, mask: Tensor) -> Tensor:
    """Population variance over the mask."""
    return masked_mean((values - masked_mean(values, mask)) ** 2, mask)


def masked_whiten(values: Tensor, mask: Tensor, *, keep_mean: bool = False) -> Tensor:
    """(x − μ) · rsqrt(σ² + 1e-8) with μ, σ² over the mask; `keep_mean` adds μ back."""
    mean = masked_mean(values, mask)
    whitened = (values - mean) * torch.rsqrt(masked_variance(values, mask) + 1e-8)
    return (whitened + mean if keep_mean else whitened).masked_fill(~mask, 0)


def kl_penalty(logprobs: Tensor, ref_logprobs: Tensor, estimator: Literal["k1", "k2", "k3"]) -> Tensor:
    """Per-token estimates of KL(π ‖ π_ref) at sampled tokens, any shape.

    With q = log π_ref − log π: k1 = −q, k2 = q²/2, k3 = e^q − 1 − q. Only k1 may enter a
    reward: with k3 there, the gradient is not the KL's (arXiv 2510.01555).
    """
    q = ref_logprobs - logprobs
    if estimator == "k1":
        return -q
    if estimator == "k2":
        return q**2 / 2
    return torch.expm1(q) - q


def last_action(mask: Tensor) -> Tensor:
    """The position of each row's last action: [B, L] -> [B]."""
    return mask.shape[1] - 1 - mask.int().flip(1).argmax(dim=1)


def token_rewards(scores: Tensor, kl: Tensor, mask: Tensor, kl_coef: float) -> Tensor:
    """r_t = −β·kl_t + 1[t is the last action]·score: [B], [B, L], [B, L] -> [B, L]."""
    rewards = (-kl_coef * kl).masked_fill(~mask, 0)
    rows = torch.arange(len(scores), device=scores.device)
    rewards[rows, last_action(mask)] += scores
    return rewards


def gae(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, gae_lambda: float) -> tuple[Tensor, Tensor]:
    """Advantages and returns, [B, L] each.

    δ_t = r_t + γ V_{t+1} − V_t, A_t = δ_t + γλ A_{t+1}, R_t = A_t + V_t. After a row's last
    action V and A are 0, whether EOS or the length limit ended it: the score is all there is.
    """
    advantages = torch.zeros_like(rewards)
    next_value = next_advantage = torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        advantages[:, t] = torch.where(mask[:, t], delta + gamma * gae_lambda * next_advantage, 0)
        next_value = torch.where(mask[:, t], values[:, t], 0)
        next_advantage = advantages[:, t]
    return advantages, (advantages + values).masked_fill(~mask, 0)


class TokenLoss(NamedTuple):
    """A loss per token, to be summed over a minibatch and divided by its number of tokens."""

    loss: Tensor
    clipped: Tensor
    """True where the clipped branch decides, so that the token has no gradient (bool)."""


def policy_loss(logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, clip_range: float) -> TokenLoss:
    """max(−A·ρ, −A·clip(ρ, 1 − ε, 1 + ε)) with ρ = π/π_old; any shape (1707.06347, eq. 7)."""
    ratio = torch.exp(logprobs - old_logprobs)
    plain = -advantages * ratio
    clipped = -advantages * ratio.clamp(1 - clip_range, 1 + clip_range)
    return TokenLoss(torch.maximum(plain, clipped), clipped > plain)


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, clip_range: float) -> TokenLoss:
    """½·max((V − R)², (clip(V, V_old − c, V_old + c) − R)²); any shape."""
    near_old = torch.clamp(values, old_values - clip_range, old_values + clip_range)
    plain = (values - returns) ** 2
    clipped = (near_old - returns) ** 2
    return TokenLoss(torch.maximum(plain, clipped) / 2, clipped > plain)


def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> Tensor:
    """1 − Var(R − V) / Var(R) over the mask: 1 is a perfect critic, 0 no better than a constant.

    NaN where the returns do not vary: there is nothing to explain.
    """
    variance = masked_variance(returns, mask)
    unexplained = masked_variance(returns - values, mask)
    return torch.where(variance > 0, 1 - unexplained / variance, torch.nan)


def adapt_kl_coef(kl_coef: float, kl: float, target_kl: float, horizon: int, num_samples: int) -> float:
    """β · (1 + e·n/horizon) with e = clip(KL/target − 1, ±0.2): 1909.08593, section 2.2.

    `kl` is the mean KL of a sequence in nats, `num_samples` the sequences since the last call.
    """
    error = min(max(kl / target_kl - 1, -0.2), 0.2)
    return kl_coef * (1 + error * num_samples / horizon)
