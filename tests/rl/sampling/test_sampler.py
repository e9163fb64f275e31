"""The sampler against a loop without cache, padding or batches, and against the training forward."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rlaif.errors import UserError
from rlaif.models.generation import choose_tokens
from rlaif.models.value_head import ValueHead
from rlaif.rl.actor_critic.forward import ActorCritic
from rlaif.rl.sampling.choice import choose
from rlaif.rl.sampling.sampler import SampledTokens, sample
from tests.rl.architectures import VOCAB_SIZE, gpt2, mistral, qwen2

PROMPTS = [[5, 6, 7], [8], [9, 10, 11, 12, 13, 14], [6, 6], [99], [7, 5, 8, 5, 599], [13, 6, 500, 1, 2, 3, 4]]
STEPS = 9
ARCHITECTURES = [gpt2, qwen2, mistral]


@pytest.fixture(params=ARCHITECTURES, ids=lambda build: build.__name__)
def actor_critic(request: Any) -> ActorCritic:
    return with_critic(request.param())


def with_critic(policy: nn.Module, **others: Any) -> ActorCritic:
    head = ValueHead(32)
    nn.init.normal_(head.linear.weight)
    return ActorCritic(policy.eval(), head, **others)


def some_uniforms(seed: int = 0) -> Tensor:
    """Uneven lengths: at 0, the token is the first one, which is EOS."""
    generator = torch.Generator().manual_seed(seed)
    uniforms = torch.rand(len(PROMPTS), STEPS, generator=generator, dtype=torch.float64)
    uniforms[torch.rand(len(PROMPTS), STEPS, generator=generator) < 0.08] = 0.0
    return uniforms


def run(model: ActorCritic, uniforms: Tensor, **changes: Any) -> list[SampledTokens]:
    arguments: dict[str, Any] = {
        "eos_token_id": 0, "max_new_tokens": STEPS, "temperature": 0.7, "batch_size": 4, "prompt_ids": PROMPTS,
    }  # fmt: skip
    return sample(model, uniforms=uniforms, **{**arguments, **changes})


@torch.no_grad()
def one_by_one(model: nn.Module, uniforms: Tensor, temperature: float = 0.7) -> list[tuple[int, ...]]:
    completions = []
    for prompt, row in zip(PROMPTS, uniforms, strict=True):
        ids = list(prompt)
        for uniform in row:
            logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].double()
            cumulative = (logits / temperature).softmax(0).cumsum(0)
            ids.append(min(int(torch.searchsorted(cumulative, uniform, right=True)), VOCAB_SIZE - 1))
            if ids[-1] == 0:
                break
        completions.append(tuple(ids[len(prompt) :]))
    return completions


@pytest.mark.parametrize("compiled", [False, True], ids=["dynamic", "static"])
def test_equals_a_loop_without_cache_padding_or_batches(actor_critic: ActorCritic, compiled: bool) -> None:
    """On a CPU the static step runs uncompiled."""
    lengths = set()
    for seed in range(3):
        uniforms = some_uniforms(seed)
        found = run(actor_critic, uniforms, compiled=compiled)
        assert [completion.ids for completion in found] == one_by_one(actor_critic.policy, uniforms)
        lengths |= {len(completion.ids) for completion in found}
    assert len(lengths) > 3


@pytest.mark.parametrize("compiled", [False, True], ids=["dynamic", "static"])
def test_any_of_several_stop_tokens_ends_a_row(compiled: bool) -> None:
    """Each completion is the one that only its EOS would end, up to the first of the others."""
    model, uniforms = with_critic(gpt2()), some_uniforms()
    whole = [completion.ids for completion in run(model, uniforms, compiled=compiled)]
    others = {whole[0][1], whole[2][0], whole[5][3]}
    cut = []
    for ids in whole:
        end = next((step for step, id in enumerate(ids) if id in {0, *others}), len(ids))
        cut.append(ids[: end + 1])
    assert cut != whole
    found = run(model, uniforms, compiled=compiled, eos_token_id=[0, *others])
    assert [completion.ids for completion in found] == cut


@pytest.mark.parametrize("compiled", [False, True], ids=["dynamic", "static"])
def test_what_is_kept_equals_the_training_forward(actor_critic: ActorCritic, compiled: bool) -> None:
    found = run(actor_critic, some_uniforms(), compiled=compiled)
    for prompt, completion in zip(PROMPTS, found, strict=True):
        ids = torch.tensor([[*prompt, *completion.ids]])
        mask = torch.arange(ids.shape[1])[None] >= len(prompt)
        scores = actor_critic(ids, mask, temperature=0.7, with_entropy=True)
        for kept, scored in zip((completion.logprobs, completion.values, completion.entropy), scores, strict=True):
            torch.testing.assert_close(kept, scored[mask].detach(), rtol=1e-5, atol=1e-5)


def test_depends_neither_on_batch_size_nor_order(actor_critic: ActorCritic) -> None:
    uniforms = some_uniforms()
    expected = run(actor_critic, uniforms)
    order = [3, 0, 6, 2, 5, 1, 4]
    shuffled = run(actor_critic, uniforms[order], prompt_ids=[PROMPTS[row] for row in order], batch_size=3)
    for other in (run(actor_critic, uniforms, batch_size=1), [shuffled[order.index(row)] for row in range(7)]):
        for one, two in zip(expected, other, strict=True):
            assert one.ids == two.ids
            torch.testing.assert_close(one.logprobs, two.logprobs, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(one.values, two.values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("compiled", [False, True], ids=["dynamic", "static"])
def test_rows_are_announced_once_as_they_end(compiled: bool) -> None:
    announced: dict[int, SampledTokens] = {}

    def on_finished(row: int, completion: SampledTokens) -> None:
        assert row not in announced
        announced[row] = completion

    found = run(with_critic(gpt2()), some_uniforms(), batch_size=7, on_finished=on_finished, compiled=compiled)
    assert [announced[row] for row in range(len(PROMPTS))] == found
    if not compiled:
        lengths = [len(completion.ids) for completion in announced.values()]
        assert lengths == sorted(lengths)


@pytest.mark.parametrize("compiled", [False, True], ids=["dynamic", "static"])
def test_a_separate_critic_looks_at_the_finished_sequences(compiled: bool) -> None:
    model = with_critic(gpt2(), value_trunk=qwen2().model)
    for prompt, completion in zip(PROMPTS, run(model, some_uniforms(), compiled=compiled), strict=True):
        ids = torch.tensor([[*prompt, *completion.ids]])
        hidden = model.value_trunk(input_ids=ids).last_hidden_state[0, len(prompt) - 1 : -1]
        torch.testing.assert_close(completion.values, model.value_head(hidden).detach(), rtol=1e-5, atol=1e-5)


def test_no_critic_no_values_and_training_mode_is_restored() -> None:
    model = ActorCritic(gpt2())
    model.train()
    found = run(model, some_uniforms())
    assert all(completion.values is None for completion in found)
    assert model.training and model.policy.training
    assert [completion.ids for completion in found] == one_by_one(model.policy.eval(), some_uniforms())


def test_choice_is_the_inverse_of_the_distribution() -> None:
    """An even grid of uniforms gives each token its probability, to the grid's width; none where it is 0."""
    torch.manual_seed(0)
    logits = torch.randn(700) * 3
    logits[::5] = float("-inf")
    uniforms = (torch.arange(20000, dtype=torch.float64) + 0.5) / 20000
    choice = choose(logits.expand(20000, -1).clone(), uniforms, temperature=1.5)
    probabilities = (logits.double() / 1.5).softmax(0)
    counts = torch.bincount(choice.tokens, minlength=700) / 20000
    torch.testing.assert_close(counts.double(), probabilities, rtol=0, atol=1.01 / 20000)
    assert (choice.tokens.diff() >= 0).all() and (counts[::5] == 0).all()
    torch.testing.assert_close(choice.logprobs, probabilities.log().float()[choice.tokens], rtol=1e-5, atol=1e-5)


def test_choice_at_the_ends() -> None:
    logits = torch.full((2, 300), float("-inf"))
    logits[:, 3] = logits[:, 280] = 0.0
    assert choose(logits.clone(), torch.tensor([0.0, 1 - 2**-53]).double(), 1.0).tokens.tolist() == [3, 280]


def test_choice_agrees_with_the_other_sampler() -> None:
    torch.manual_seed(0)
    logits = torch.randn(64, 700) * 2
    uniforms = torch.rand(64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = choose_tokens(logits, 0.8, 1.0, uniforms)
    assert torch.equal(choose(logits.clone(), uniforms, 0.8).tokens, expected)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"temperature": 0.0}, "temperature"),
        ({"prompt_ids": [[1], [], [2], [3], [4], [5], [6]]}, "prompt 1"),
        ({"max_new_tokens": 5}, "uniforms"),
        ({"prompt_ids": [[1] * 60] * 7}, "positions"),
    ],
)
def test_refuses(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        run(with_critic(gpt2()), some_uniforms(), **changes)
