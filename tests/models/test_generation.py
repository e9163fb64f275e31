"""The sampler against transformers' own, and against the distribution it should sample from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    MptConfig,
    MptForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    RobertaConfig,
    RobertaForCausalLM,
)

from rlaif.errors import UserError
from rlaif.models.generation import choose_tokens, derive_seed, generate, keep_nucleus, num_positions_of

WORDS = ["<eos>", *(f"w{number}" for number in range(1, 24))]
PROMPTS = ["w1 w2 w3", "w4", "w5 w6 w7 w8 w9 w10", "w2 w2", "w11", "w3 w1 w4 w1 w5", "w9 w2 w6"]
SMALL = {
    "vocab_size": 24, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.4, "bos_token_id": None,
    "eos_token_id": 0, "pad_token_id": 0,
}  # fmt: skip


def gpt2() -> nn.Module:
    config = GPT2Config(
        vocab_size=24, n_embd=32, n_layer=2, n_head=4, n_positions=64, initializer_range=0.4,
        bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config)


def qwen2() -> nn.Module:
    return Qwen2ForCausalLM(Qwen2Config(**SMALL))


def llama() -> nn.Module:
    return LlamaForCausalLM(LlamaConfig(**SMALL))


def mistral() -> nn.Module:
    """Its cache slides: such layers keep transformers' own cache."""
    return MistralForCausalLM(MistralConfig(**SMALL, sliding_window=4))


ARCHITECTURES = [gpt2, qwen2, llama, mistral]


def build(architecture: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    return architecture().eval()


@pytest.fixture
def tokenizer() -> Any:
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="w1"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<eos>", pad_token="<eos>")


def sample(model: nn.Module, tokenizer: Any, prompts: list[str], **changes: Any) -> list[Any]:
    arguments: dict[str, Any] = {
        "max_new_tokens": 12, "temperature": 1.0, "seed": 0, "max_prompt_tokens": 16, "batch_size": 4,
    }  # fmt: skip
    return generate(model, tokenizer, prompts, **{**arguments, **changes})


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_greedy_equals_transformers(architecture: Callable[[], nn.Module], tokenizer: Any) -> None:
    finish_reasons = set()
    for seed in range(3):
        model = build(architecture, seed)
        found = sample(model, tokenizer, PROMPTS, temperature=0.0)
        for prompt, generation in zip(PROMPTS, found, strict=True):
            ids = tokenizer(prompt, return_tensors="pt").input_ids
            expected = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12)
            assert generation.completion_ids == tuple(expected[0, ids.shape[1] :].tolist())
            finish_reasons.add(generation.finish_reason)
    assert "length" in finish_reasons


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rows_that_finish_leave_the_others_as_they_were(architecture: Callable[[], nn.Module], tokenizer: Any) -> None:
    """EOS made likely, so that rows end at different steps; each alone gives the same."""
    lengths = set()
    for seed in range(3):
        model = build(architecture, seed)
        favour_eos(model)
        together = sample(model, tokenizer, PROMPTS, temperature=0.0, batch_size=7)
        assert together == [sample(model, tokenizer, [prompt], temperature=0.0)[0] for prompt in PROMPTS]
        lengths |= {len(generation.completion_ids) for generation in together}
    assert len(lengths) > 3


def favour_eos(model: nn.Module) -> None:
    """Give the head a bias for EOS, leaving embeddings that it is tied to alone."""
    head = nn.Linear(32, 24)
    head.weight.data = model.get_output_embeddings().weight.detach().clone()
    head.bias.data = torch.tensor([2.0] + [0.0] * 23)
    model.set_output_embeddings(head)


def test_eos_is_in_the_ids_and_not_in_the_text(tokenizer: Any) -> None:
    model = build(gpt2)
    generations = [g for seed in range(8) for g in sample(model, tokenizer, PROMPTS, seed=seed)]
    assert {g.finish_reason for g in generations} == {"stop", "length"}
    for generation in generations:
        stopped = generation.finish_reason == "stop"
        assert (generation.completion_ids[-1] == 0) == stopped
        assert 0 not in generation.completion_ids[:-1]
        assert stopped or len(generation.completion_ids) == 12
        words = [WORDS[token] for token in generation.completion_ids if token != 0]
        assert generation.text == " ".join(words)


def test_equal_seeds_give_equal_samples_and_the_global_generator_stays(tokenizer: Any) -> None:
    model = build(gpt2)
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first = sample(model, tokenizer, PROMPTS, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(8)
    assert sample(model, tokenizer, PROMPTS, seed=0) == first
    assert sample(model, tokenizer, PROMPTS, seed=1) != first
    copies = sample(model, tokenizer, ["w4"] * 8, batch_size=4)
    assert len({one.completion_ids for one in copies}) > 4  # each has a stream of its own


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_sample_depends_neither_on_the_batch_nor_on_the_others(
    architecture: Callable[[], nn.Module], tokenizer: Any
) -> None:
    model = build(architecture)
    favour_eos(model)
    whole = sample(model, tokenizer, PROMPTS, batch_size=7)
    assert len({len(one.completion_ids) for one in whole}) > 2
    for batch_size in (1, 2, 3, 64):
        assert sample(model, tokenizer, PROMPTS, batch_size=batch_size) == whole
    assert sample(model, tokenizer, PROMPTS[:4]) == whole[:4]
    backwards = sample(model, tokenizer, PROMPTS[::-1], seeds=[derive_seed(0, index) for index in reversed(range(7))])
    assert backwards == whole[::-1]


def test_results_come_in_input_order_and_training_mode_is_restored(tokenizer: Any) -> None:
    model = build(gpt2).train()
    steps: list[tuple[int, int]] = []
    found = sample(model, tokenizer, PROMPTS, batch_size=3, progress=lambda done, total: steps.append((done, total)))
    assert [list(g.prompt_ids) for g in found] == [tokenizer(prompt).input_ids for prompt in PROMPTS]
    assert steps == [(3, 7), (6, 7), (7, 7)]
    assert model.training


def test_long_prompts_keep_their_end(tokenizer: Any) -> None:
    model = build(gpt2)
    cut, whole = sample(model, tokenizer, ["w1 w2 w3 w4 w5", "w4 w5"], max_prompt_tokens=2, temperature=0.0)
    assert (cut.prompt_ids, cut.num_prompt_tokens_cut) == ((4, 5), 3)
    assert whole.num_prompt_tokens_cut == 0
    assert cut.completion_ids == whole.completion_ids


def uniforms(num: int) -> torch.Tensor:
    return torch.rand(num, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_samples_follow_the_softmax() -> None:
    """Chi-square of 20,000 draws over 8 tokens; 24.3 is the 99.9% quantile at 7 degrees of freedom."""
    logits = torch.tensor([2.0, 1.0, 0.5, 0.0, -0.5, -1.0, -2.0, -3.0])
    for temperature in (1.0, 0.6):
        expected = (logits / temperature).softmax(0) * 20_000
        tokens = choose_tokens(logits.expand(20_000, 8), temperature, 1.0, uniforms(20_000))
        counts = tokens.bincount(minlength=8)
        assert ((counts - expected) ** 2 / expected).sum() < 24.3


def test_sampled_completions_follow_the_model(tokenizer: Any) -> None:
    """Two tokens deep, through padding, cache and dropped rows: 4,000 samples of one prompt."""
    model = build(gpt2)
    prompts = ["w4"] * 4000 + ["w5 w6 w7"] * 2
    pairs = [g.completion_ids for g in sample(model, tokenizer, prompts, max_new_tokens=2, batch_size=4002)[:4000]]
    with torch.no_grad():
        first = model(torch.tensor([[4]])).logits[0, -1].softmax(0)
        likeliest = int(first.argmax())
        second = model(torch.tensor([[4, likeliest]])).logits[0, -1].softmax(0)
    for counted, expected in (
        ([pair[0] for pair in pairs], first),
        ([pair[1] for pair in pairs if pair[0] == likeliest and len(pair) > 1], second),
    ):
        counts = torch.tensor(counted).bincount(minlength=24)
        assert len(counted) > 300
        frequent = expected * len(counted) >= 5
        deviation = (counts - expected * len(counted)) ** 2 / (expected * len(counted))
        assert deviation[frequent].sum() < 50  # the 99.9% quantile at 23 degrees of freedom is 49.7


def test_nucleus() -> None:
    probabilities = torch.tensor([[0.05, 0.5, 0.15, 0.3]])
    for top_p, kept in ((0.4, [1]), (0.5001, [1, 3]), (0.79, [1, 3]), (0.9, [1, 2, 3]), (1e-9, [1])):
        logits = keep_nucleus(probabilities.log(), top_p)
        assert torch.isfinite(logits[0]).nonzero()[:, 0].tolist() == kept
    tokens = choose_tokens(probabilities.log().expand(8000, 4), 1.0, 0.79, uniforms(8000))
    counts = tokens.bincount(minlength=4)
    assert counts[0] == counts[2] == 0
    assert counts[1].item() / 8000 == pytest.approx(0.625, abs=0.02)


def test_clear_errors(tokenizer: Any) -> None:
    model = build(gpt2)
    with pytest.raises(UserError, match="prompt 1 has no tokens"):
        sample(model, tokenizer, ["w1", ""])
    with pytest.raises(UserError, match="exceed the model's 64 positions"):
        sample(model, tokenizer, ["w1 w2"], max_new_tokens=63)
    assert sample(model, tokenizer, []) == []
    tokenizer.eos_token = None
    with pytest.raises(UserError, match="no EOS"):
        sample(model, tokenizer, ["w1"])


def test_positions_that_are_no_tokens_do_not_count() -> None:
    shape = {"vocab_size": 30, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
             "num_attention_heads": 2, "max_position_embeddings": 20}  # fmt: skip
    roberta = RobertaForCausalLM(RobertaConfig(**shape, is_decoder=True, pad_token_id=1)).eval()
    assert num_positions_of(roberta) == 18  # those up to the padding's belong to no token
    roberta(input_ids=torch.full((1, 18), 5))
    with pytest.raises((IndexError, RuntimeError)):
        roberta(input_ids=torch.full((1, 19), 5))


def test_positions_have_other_names() -> None:
    mpt = MptForCausalLM(MptConfig(vocab_size=30, d_model=16, n_layers=1, n_heads=2, max_seq_len=20)).eval()
    assert num_positions_of(mpt) == 20
    mpt(input_ids=torch.full((1, 20), 5))
    with pytest.raises((IndexError, RuntimeError)):
        mpt(input_ids=torch.full((1, 21), 5))


def test_positions_end_where_rotary_angles_change() -> None:
    """What was said of a text's beginning would change as the text grows beyond."""
    rope = {"rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0] * 4, "long_factor": [4.0] * 4,
            "original_max_position_embeddings": 16}  # fmt: skip
    torch.manual_seed(0)
    phi = Phi3ForCausalLM(
        Phi3Config(vocab_size=30, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
                   num_key_value_heads=2, max_position_embeddings=64, original_max_position_embeddings=16,
                   pad_token_id=0, initializer_range=1.0, rope_parameters=rope)
    ).eval()  # fmt: skip
    ids = torch.arange(17)[None] + 3
    with torch.no_grad():
        longest, shorter = phi(input_ids=ids).logits[0, :12], phi(input_ids=ids[:, :16]).logits[0, :12]
        assert (longest - shorter).abs().max() > 1e-2
        assert (shorter - phi(input_ids=ids[:, :12]).logits[0]).abs().max() < 1e-4
    assert num_positions_of(phi) == 16
