"""Log-probabilities and entropies of tokens straight from hidden states, without full-vocabulary logits in memory.

The vocabulary is walked through in blocks, with a sum of exponentials for each (as online softmax does; Milakov and
Gimelshein 2018, arXiv 1805.02867). With p = softmax(W h / T), the gradients are

    ∂ log p_y / ∂(W h / T) = 1_y − p        ∂ entropy / ∂(W h / T) = −p (log p + entropy)

so the backward pass needs no more than a block's exponentials either: kept where they fit, or computed again.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rlaif.rl.actor_critic.tied_embeddings import HeadGradient
from rlaif.rl.functional import entropy_of, logprobs_of

CACHED_ELEMENTS = 2**18
"""On a CPU: logits of a block, few enough to stay in its cache between the passes over them."""
NARROWEST = 512
"""On a CPU: columns of a block; with fewer, matrix products become slow."""


def token_scores(
    states: Tensor,
    head: nn.Module,
    tokens: Tensor,
    *,
    temperature: float = 1.0,
    with_entropy: bool = False,
    chunk_size: int | None = None,
    head_gradient: HeadGradient | None = None,
) -> tuple[Tensor, Tensor | None]:
    """log π(token) and, if wanted, the entropy of π = softmax(head(state) / temperature), [N] fp32 each.

    Args:
        states: [N, H].
        head: [N, H] -> [N, V]. An nn.Linear is walked through in blocks; any other module is called on chunks of rows.
        tokens: [N] int64.
        chunk_size: never hold more than about chunk_size · V logits; where N is larger, the backward pass computes
            them again, a third more work of the head. None: N · V, once.
        head_gradient: where to leave the gradient of the head's weight, see `tied_embeddings`; None: autograd's way.
    """
    if type(head) is not nn.Linear:
        return _scores_of_any_head(states, head, tokens, temperature, with_entropy, chunk_size)
    weight, bias = head.weight, head.bias
    if torch.is_autocast_enabled(states.device.type):
        dtype = torch.get_autocast_dtype(states.device.type)
        states, weight = states.to(dtype), weight.to(dtype)
    keep = torch.is_grad_enabled() and (chunk_size is None or len(states) <= chunk_size)
    width = block_width(len(states), len(weight), chunk_size, states.device)
    logprobs, entropy = LinearTokenScores.apply(
        states, weight, bias, tokens, temperature, with_entropy, width, keep, head_gradient
    )
    return logprobs, entropy if with_entropy else None


def _scores_of_any_head(
    states: Tensor, head: nn.Module, tokens: Tensor, temperature: float, with_entropy: bool, chunk_size: int | None
) -> tuple[Tensor, Tensor | None]:
    """Heads with adapters, for instance."""

    def score(states: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor | None]:
        logits = head(states)
        entropy = entropy_of(logits, temperature) if with_entropy else None
        return logprobs_of(logits, tokens, temperature), entropy

    if chunk_size is None or len(states) <= chunk_size:
        return score(states, tokens)
    parts = [
        checkpoint(score, *chunk, use_reentrant=False) if torch.is_grad_enabled() else score(*chunk)
        for chunk in zip(states.split(chunk_size), tokens.split(chunk_size), strict=True)
    ]
    logprobs, entropies = zip(*parts, strict=True)
    return torch.cat(logprobs), torch.cat(entropies) if with_entropy else None


def block_width(num_tokens: int, vocab_size: int, chunk_size: int | None, device: torch.device) -> int:
    """Columns of the vocabulary to look at together."""
    width = vocab_size
    if chunk_size is not None and num_tokens > chunk_size:
        width = max(1, chunk_size * vocab_size // num_tokens)
    if device.type == "cpu":
        width = min(width, max(NARROWEST, CACHED_ELEMENTS // max(1, num_tokens)))
    return width


class LinearTokenScores(torch.autograd.Function):
    """`token_scores` for a linear head."""

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        tokens: Tensor,
        temperature: float,
        with_entropy: bool,
        width: int,
        keep: bool,
        head_gradient: HeadGradient | None,
    ) -> tuple[Tensor, Tensor]:
        chosen = (states.float() * weight[tokens].float()).sum(1)
        if bias is not None:
            chosen += bias[tokens]
        kept: list[Tensor] = []
        maxima, sums, weighted = [], [], []
        for start in range(0, len(weight), width):
            exponentials, maximum, block_sum, block_weighted = exponentials_of(
                states, weight, bias, start, width, temperature, with_entropy
            )
            maxima.append(maximum)
            sums.append(block_sum)
            weighted.append(block_weighted)
            if keep:
                kept.append(exponentials)
        total, maximum = torch.stack(sums), torch.stack(maxima)
        highest = maximum.amax(0)
        log_sum = (maximum - highest + total.log()).logsumexp(0)
        # log p of a block's largest logit. Differences of logits, not logits: the rounding stays that of log p.
        log_scales = maximum - highest - log_sum
        entropy = torch.zeros_like(log_sum)
        if with_entropy:
            entropy = -(log_scales.exp() * (torch.stack(weighted) + log_scales * total)).sum(0)
        ctx.save_for_backward(states, weight, bias, tokens, log_scales, entropy, *kept)
        ctx.temperature, ctx.width, ctx.head_gradient = temperature, width, head_gradient
        ctx.set_materialize_grads(False)
        return chosen / temperature - highest - log_sum, entropy

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        states, weight, bias, tokens, log_scales, entropy, *kept = ctx.saved_tensors
        by_logprob, by_entropy = grads
        by_logprob = torch.zeros_like(entropy) if by_logprob is None else by_logprob
        wants_states, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        by_logprob = by_logprob / ctx.temperature
        num_rows = len(states)
        some = rows_with_gradient(by_logprob) if by_entropy is None else None
        if some is not None:
            states, tokens, by_logprob, log_scales = states[some], tokens[some], by_logprob[some], log_scales[:, some]
        scaled = by_logprob[:, None] * states
        grad_states = by_logprob[:, None] * weight[tokens] if wants_states else None
        grad_weight = torch.empty_like(weight) if wants_weight else None
        grad_bias = torch.zeros_like(bias) if wants_bias else None

        for index, start in enumerate(range(0, len(weight), ctx.width)):
            stop = min(start + ctx.width, len(weight))
            if not kept:
                exponentials = exponentials_of(states, weight, bias, start, ctx.width, ctx.temperature)[0]
            else:
                exponentials = kept[index] if some is None else kept[index][some]
            # Rows are scaled on the small side of the products: −∂/∂logits = exponentials · factor.
            factor = log_scales[index].exp()
            if by_entropy is None:
                factor, rows = factor * by_logprob, scaled * factor[:, None]
            else:
                log_p = exponentials.clamp_min(torch.finfo(torch.float32).tiny).log() + log_scales[index][:, None]
                slope = by_entropy[:, None] / ctx.temperature * (log_p + entropy[:, None])
                exponentials = exponentials * slope.add_(by_logprob[:, None])
                rows = states * factor[:, None]
            exponentials, rows = exponentials.to(states.dtype), rows.to(states.dtype)
            if grad_states is not None:
                grad_states -= factor[:, None] * (exponentials @ weight[start:stop])
            if grad_weight is not None:
                torch.mm(exponentials.T, rows.neg_(), out=grad_weight[start:stop])
            if grad_bias is not None:
                grad_bias[start:stop] -= factor.to(exponentials.dtype) @ exponentials
        if grad_weight is not None:
            grad_weight.index_add_(0, tokens, scaled.to(grad_weight.dtype))
        if grad_bias is not None:
            grad_bias.index_add_(0, tokens, by_logprob.to(grad_bias.dtype))
        if grad_weight is not None and ctx.head_gradient is not None:
            ctx.head_gradient.leave(grad_weight)
            grad_weight = None
        if grad_states is not None and some is not None:
            grad_states = grad_states.new_zeros(num_rows, grad_states.shape[1]).index_copy_(0, some, grad_states)
        grad_states = None if grad_states is None else grad_states.to(states.dtype)
        return grad_states, grad_weight, grad_bias, None, None, None, None, None, None


def rows_with_gradient(gradient: Tensor) -> Tensor | None:
    """Indices of the rows that are worth a backward pass, where it pays to leave the others out: clipped tokens have
    no gradient. Never on a GPU, which would have to be waited for."""
    if gradient.device.type != "cpu":
        return None
    some = gradient.nonzero()[:, 0]
    return some if len(some) < 0.95 * len(gradient) else None


def exponentials_of(
    states: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    start: int,
    width: int,
    temperature: float,
    with_entropy: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of a block of logits z: e = exp(z − max) [N, width], max [N], Σ e [N], and Σ e (z − max) [N] (or 0)."""
    stop = start + width
    if bias is None:
        block = (states @ weight[start:stop].T).float()
    else:
        block = torch.addmm(bias[start:stop].to(states.dtype), states, weight[start:stop].T).float()
    if temperature != 1:
        block /= temperature
    maximum = block.amax(1)
    block -= maximum[:, None]
    if not with_entropy:
        block.exp_()
        return block, maximum, block.sum(1), maximum.new_zeros(())
    exponentials = block.exp()
    return exponentials, maximum, exponentials.sum(1), block.mul_(exponentials).sum(1)
