"""The training forward against plain logits of single sequences: values, gradients, padding, memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, PrefixTuningConfig, get_peft_model
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
)

from rlaif.errors import UserError
from rlaif.models.value_head import ValueHead
from rlaif.rl.actor_critic import packing
from rlaif.rl.actor_critic.chunked import token_scores
from rlaif.rl.actor_critic.forward import ActorCritic, score_actions
from rlaif.rl.actor_critic.packing import attend_one_by_one, attend_padded, is_packable
from rlaif.rl.functional import entropy_of, logprobs_of
from tests.rl.architectures import SMALL, gpt2, mistral, qwen2

PROMPTS = [[5, 6, 7], [8], [9, 10, 11, 12, 13, 14], [6, 6]]
ANSWERS = [[1, 0], [7, 8, 9, 10, 0], [0], [590, 591, 592]]
TEMPERATURE = 0.7
ARCHITECTURES = [gpt2, qwen2, mistral]


def tied_qwen2() -> nn.Module:
    return qwen2(tie_word_embeddings=True)


def soft_capped() -> nn.Module:
    torch.manual_seed(0)
    return Gemma2ForCausalLM(Gemma2Config(**SMALL, head_dim=8, final_logit_softcapping=1.0))


def scaled() -> nn.Module:
    torch.manual_seed(0)
    return GraniteForCausalLM(GraniteConfig(**SMALL, logits_scaling=8.0))


def with_critic(policy: nn.Module, **others: Any) -> ActorCritic:
    torch.manual_seed(1)
    head = ValueHead(32)
    nn.init.normal_(head.linear.weight)
    return ActorCritic(policy.eval(), head, **others)


def padded(side: str) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, action mask and attention mask; the padding is a token that also occurs."""
    sequences = [prompt + answer for prompt, answer in zip(PROMPTS, ANSWERS, strict=True)]
    longest = max(map(len, sequences)) + 1
    ids = torch.full((len(sequences), longest), 7)
    actions, attended = torch.zeros_like(ids, dtype=torch.bool), torch.zeros_like(ids, dtype=torch.bool)
    for row, sequence in enumerate(sequences):
        start = longest - len(sequence) if side == "left" else 0
        ids[row, start : start + len(sequence)] = torch.tensor(sequence)
        attended[row, start : start + len(sequence)] = True
        actions[row, start + len(PROMPTS[row]) : start + len(sequence)] = True
    return ids, actions, attended


def one_by_one(model: ActorCritic) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities, values and entropies of all answers' tokens, from whole models on single sequences."""
    found = []
    for prompt, answer in zip(PROMPTS, ANSWERS, strict=True):
        output = model.policy(input_ids=torch.tensor([prompt + answer]), output_hidden_states=True, use_cache=False)
        here = slice(len(prompt) - 1, -1)
        logits = output.logits[0, here]
        values = model.value_head(output.hidden_states[-1][0, here])
        tokens = torch.tensor(answer)
        found.append((logprobs_of(logits, tokens, TEMPERATURE), values, entropy_of(logits, TEMPERATURE)))
    logprobs, values, entropies = zip(*found, strict=True)
    return torch.cat(logprobs), torch.cat(values), torch.cat(entropies)


def some_loss(logprobs: Tensor, values: Tensor, entropy: Tensor) -> Tensor:
    """Uneven weights, some of them 0."""
    weights = torch.arange(len(logprobs)) % 3 - 0.9
    weights[2] = 0
    return (weights * logprobs + weights.flip(0) * values + weights.cos() * entropy).sum()


def gradients(model: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_same_gradients(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        scale = float(expected[name].abs().max())
        torch.testing.assert_close(gradient, expected[name], rtol=1e-5, atol=1e-5 * max(scale, 1e-3), msg=name)


@pytest.mark.parametrize("chunk_size", [None, 4])
@pytest.mark.parametrize("side", ["right", "right, masked", "left"])
@pytest.mark.parametrize("build", [gpt2, qwen2, tied_qwen2, mistral, soft_capped, scaled])
@pytest.mark.parametrize("short", [0, packing.SHORT], ids=["attend one by one", "attend padded"])
def test_equals_whole_models_on_single_sequences(
    build: Callable[[], nn.Module], side: str, chunk_size: int | None, short: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "SHORT", short)
    model = with_critic(build())
    expected = one_by_one(model)
    expected_gradients = gradients(model, some_loss(*expected))

    ids, actions, attended = padded(side.split(",")[0])
    mask = None if side == "right" else attended
    scores = model(ids, actions, temperature=TEMPERATURE, attention_mask=mask, with_entropy=True, chunk_size=chunk_size)
    for found, wanted in zip(scores, expected, strict=True):
        torch.testing.assert_close(found[actions], wanted, rtol=1e-5, atol=1e-5)
        assert (found[~actions] == 0).all()
    assert_same_gradients(gradients(model, some_loss(*(part[actions] for part in scores))), expected_gradients)


def test_packing_is_used_where_it_is_right() -> None:
    assert [is_packable(with_critic(build()).trunk) for build in ARCHITECTURES] == [True, True, False]
    assert not is_packable(with_critic(gpt2(attn_implementation="eager")).trunk)


def test_packed_layers_see_no_padding_and_nothing_after_the_last_choice() -> None:
    model = with_critic(gpt2())
    seen: list[int] = []
    model.policy.transformer.h[0].mlp.register_forward_hook(
        lambda _, inputs, __: seen.append(inputs[0].shape[:-1].numel())
    )
    model(*padded("left")[:2], attention_mask=padded("left")[2])
    assert seen == [sum(len(p) + len(a) - 1 for p, a in zip(PROMPTS, ANSWERS, strict=True))]


def test_both_ways_to_attend_within_sequences_agree() -> None:
    torch.manual_seed(0)
    states = [torch.randn(1, 2, 12, 8, requires_grad=True) for _ in range(3)]
    weights = torch.randn(1, 12, 2, 8)
    found = []
    for attend in (attend_one_by_one, attend_padded):
        attended = attend(*states, [3, 7, 1, 1], 0.0, 0.3)
        found.append((attended, *torch.autograd.grad((attended * weights).sum(), states)))
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-5)


def test_a_row_without_actions_is_left_out() -> None:
    model = with_critic(gpt2())
    ids, actions, _ = padded("right")
    expected = model(ids, actions).logprobs
    actions[1] = False
    found = model(ids, actions).logprobs
    assert (found[1] == 0).all()
    torch.testing.assert_close(found[[0, 2, 3]], expected[[0, 2, 3]], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("frozen", [None, "weight", "states"])
def test_chunked_scores_equal_plain_ones(bias: bool, frozen: str | None) -> None:
    torch.manual_seed(0)
    head = nn.Linear(16, 5000, bias=bias)
    head.weight.data *= 5
    states = torch.randn(130, 16, requires_grad=frozen != "states")
    head.requires_grad_(frozen != "weight")
    tokens = torch.randint(0, 5000, (130,))
    leaves = [leaf for leaf in (states, *head.parameters()) if leaf.requires_grad]
    weights = torch.randn(130)
    weights[::4] = 0  # clipped tokens have no gradient

    def with_gradients(logprobs: Tensor, entropy: Tensor | None) -> list[Tensor]:
        loss = (logprobs * weights).sum() + (0 if entropy is None else (entropy * weights.flip(0)).sum())
        return [logprobs, *([] if entropy is None else [entropy]), *torch.autograd.grad(loss, leaves)]

    for with_entropy in (False, True):
        logits = head(states)
        plain = with_gradients(
            logprobs_of(logits, tokens, TEMPERATURE), entropy_of(logits, TEMPERATURE) if with_entropy else None
        )
        for chunk_size in (None, 64, 7):
            scores = token_scores(
                states, head, tokens, temperature=TEMPERATURE, with_entropy=with_entropy, chunk_size=chunk_size
            )
            for found, expected in zip(with_gradients(*scores), plain, strict=True):
                torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * max(1, expected.abs().max().item()))


def test_no_token_with_a_gradient() -> None:
    head = nn.Linear(4, 9, bias=False)
    states = torch.randn(5, 4, requires_grad=True)
    (token_scores(states, head, torch.arange(5))[0] * 0).sum().backward()
    assert (states.grad == 0).all() and (head.weight.grad == 0).all()


def test_tied_gradients_add_up_over_passes_and_without_a_policy_loss() -> None:
    """The lookup collects the head's gradient; what a pass leaves is not there for the next."""
    model, ids, actions = with_critic(gpt2()), *padded("right")[:2]
    once = gradients(model, model(ids, actions).logprobs.sum())
    critic = gradients(model, model(ids, actions).values.sum())
    model.zero_grad()
    scores = model(ids, actions)
    scores.logprobs.sum().backward(retain_graph=True)
    (scores.logprobs.sum() + scores.values.sum()).backward()
    for name, gradient in once.items():
        expected = 2 * gradient + critic.get(name, torch.zeros(()))
        found = model.get_parameter(name).grad
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


def test_heads_that_are_no_plain_linear_layer_are_called() -> None:
    torch.manual_seed(0)
    states, tokens = torch.randn(10, 16), torch.randint(0, 50, (10,))
    head = nn.Sequential(nn.Linear(16, 50), nn.Tanh())
    expected = (logprobs_of(head(states), tokens), entropy_of(head(states)))
    expected_gradient = torch.autograd.grad((expected[0] - expected[1]).sum(), head[0].weight)[0]
    for chunk_size in (None, 3):
        found = token_scores(states, head, tokens, with_entropy=True, chunk_size=chunk_size)
        torch.testing.assert_close(found, expected)
        gradient = torch.autograd.grad((found[0] - found[1]).sum(), head[0].weight)[0]
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-5)


class LargestResult(TorchDispatchMode):
    """The most elements of any tensor that an operation makes, and the most that the graph keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.made = self.saved = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and not result._is_view():
            self.made = max(self.made, result.numel())
        return result

    def pack(self, tensor: Tensor) -> Tensor:
        self.saved += tensor.numel()
        return tensor


def test_chunked_scores_never_hold_all_logits() -> None:
    head = nn.Linear(16, 2000, bias=False)
    states, tokens = torch.randn(400, 16, requires_grad=True), torch.randint(0, 2000, (400,))

    def measure(chunk_size: int | None) -> tuple[int, int]:
        with LargestResult() as sizes, torch.autograd.graph.saved_tensors_hooks(sizes.pack, lambda tensor: tensor):
            token_scores(states, head, tokens, chunk_size=chunk_size)[0].sum().backward()
        return sizes.made, sizes.saved

    made, saved = measure(20)
    assert made <= 2000 * 20  # the weight's gradient is 2000 · 16
    assert saved < 2000 * 20 * 2
    assert measure(None)[1] > 2000 * 400


def test_bf16_autocast_is_close_to_fp32() -> None:
    model = with_critic(qwen2())
    ids, actions, _ = padded("right")
    with torch.autocast("cpu", torch.bfloat16):
        found = model(ids, actions, with_entropy=True)
    found.logprobs.sum().backward()
    expected = model(ids, actions, with_entropy=True)
    assert found.logprobs.dtype == torch.float32
    torch.testing.assert_close(found.logprobs, expected.logprobs, rtol=0.05, atol=0.1)
    assert all(p.grad.dtype == torch.float32 for p in model.policy.parameters())


def test_a_separate_critic_has_gradients_of_its_own() -> None:
    model = with_critic(gpt2(), value_trunk=qwen2())
    ids, actions, attended = padded("left")
    scores = model(ids, actions, attention_mask=attended)
    for row, (prompt, answer) in enumerate(zip(PROMPTS, ANSWERS, strict=True)):
        hidden = model.value_trunk(input_ids=torch.tensor([prompt + answer])).last_hidden_state[0]
        expected = model.value_head(hidden[len(prompt) - 1 : -1])
        torch.testing.assert_close(scores.values[row][actions[row]], expected, rtol=1e-5, atol=1e-5)
    found = gradients(model, scores.values.sum())
    assert found and all(name.startswith("value_") for name in found)


def test_reference_is_the_base_model() -> None:
    base = gpt2()
    ids, actions, attended = padded("left")
    expected = score_actions(base.eval(), ids, actions, temperature=TEMPERATURE, attention_mask=attended).logprobs
    policy = get_peft_model(gpt2(), LoraConfig(r=2, target_modules=["c_attn"], init_lora_weights=False))
    model = with_critic(policy)
    reference = model.reference(ids, actions, temperature=TEMPERATURE, attention_mask=attended)
    torch.testing.assert_close(reference, expected.detach(), rtol=1e-5, atol=1e-5)
    assert not reference.requires_grad
    now = model(ids, actions, temperature=TEMPERATURE, attention_mask=attended)
    assert not torch.allclose(now.logprobs, reference, atol=1e-2)
    assert all("lora" in name or "value_head" in name for name in gradients(model, sum(map(torch.sum, now[:2]))))
    with pytest.raises(UserError, match="reference model"):
        with_critic(gpt2()).reference(ids, actions)


def test_logits_of_any_size_are_capped_and_scaled_as_the_model_does() -> None:
    """At the start of training logits are so small that a cap of 30 hardly shows."""
    model = Gemma2ForCausalLM(Gemma2Config(**SMALL, head_dim=8, final_logit_softcapping=30.0)).eval()
    critic = ActorCritic(model)
    model.lm_head.weight.data *= 1000
    ids, actions, _ = padded("right")
    found = critic(ids, actions).logprobs[actions]
    torch.testing.assert_close(found, one_by_one_logprobs(model), rtol=1e-5, atol=1e-5)


def one_by_one_logprobs(model: nn.Module) -> Tensor:
    found = []
    for prompt, answer in zip(PROMPTS, ANSWERS, strict=True):
        logits = model(input_ids=torch.tensor([prompt + answer]), use_cache=False).logits[0, len(prompt) - 1 : -1]
        found.append(logprobs_of(logits, torch.tensor(answer)))
    return torch.cat(found)


def test_refuses_virtual_tokens() -> None:
    with pytest.raises(UserError, match="more than its trunk's last hidden states"):
        ActorCritic(get_peft_model(gpt2(), PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)))


def test_a_value_trunk_needs_a_head() -> None:
    with pytest.raises(UserError, match="value_head"):
        ActorCritic(gpt2(), value_trunk=gpt2())
