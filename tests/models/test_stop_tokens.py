"""What ends a completion: every id that the tokenizer, the generation config or the config names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rlaif.errors import UserError
from rlaif.models.generation import generate
from rlaif.models.stop_tokens import as_ids, stop_token_ids

WORDS = [f"w{number}" for number in range(12)]
PROMPTS = ["w1 w3 w4", "w5", "w9 w8 w1 w6", "w11 w3"]


@pytest.fixture
def tokenizer() -> Any:
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="w1"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="w2", pad_token="w0")


def gpt2(**changes: Any) -> Any:
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=12, n_embd=16, n_layer=2, n_head=2, n_positions=48, initializer_range=0.4, **changes)
    ).eval()


def llama() -> Any:
    """Its class says that 2 is the EOS, and nobody else does."""
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=12, **shape))


def test_all_ids_count(tokenizer: Any) -> None:
    assert stop_token_ids(gpt2(), tokenizer) == {2}, "50256 is the class's own, and not in the vocabulary"
    assert stop_token_ids(gpt2(eos_token_id=[5, 7]), tokenizer) == {2, 5, 7}
    model = gpt2(eos_token_id=5)
    model.generation_config.eos_token_id = [2, 7]
    assert stop_token_ids(model, tokenizer) == {2, 5, 7}
    model.config.eos_token_id = None
    assert stop_token_ids(model, tokenizer) == {2, 7}
    assert stop_token_ids(SimpleNamespace(), tokenizer) == {2}


def test_they_are_found_behind_an_adapter(tokenizer: Any) -> None:
    import peft

    model = gpt2(eos_token_id=[5, 7])
    wrapped = peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True))
    assert stop_token_ids(wrapped, tokenizer) == {2, 5, 7}


def test_a_class_default_counts_where_the_tokenizer_has_a_special_token(tokenizer: Any) -> None:
    tokenizer.eos_token = "w6"
    model = llama()
    assert model.generation_config.eos_token_id == 2
    assert stop_token_ids(model, tokenizer) == {2, 6}, "w2 was the EOS once, so it is special"
    plain = PreTrainedTokenizerFast(tokenizer_object=fresh_core(), eos_token="w6")
    assert stop_token_ids(model, plain) == {6}
    plain.add_tokens([AddedToken("w2", special=True)], special_tokens=True)
    assert stop_token_ids(model, plain) == {2, 6}
    model.generation_config.eos_token_id = [2]
    model.generation_config._from_model_config = False  # as one that was saved and loaded
    assert stop_token_ids(model, PreTrainedTokenizerFast(tokenizer_object=fresh_core(), eos_token="w6")) == {2, 6}


def fresh_core() -> Any:
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="w1"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return core


def test_a_tokenizer_without_eos_is_refused() -> None:
    with pytest.raises(UserError, match="no EOS token: set tokenizer"):
        stop_token_ids(gpt2(), PreTrainedTokenizerFast(tokenizer_object=fresh_core()))


def test_ids_in_every_form() -> None:
    assert as_ids(None) == set()
    assert as_ids(3) == {3}
    assert as_ids([3, 4]) == as_ids((4, 3)) == as_ids(torch.tensor([3, 4])) == {3, 4}


def test_generation_ends_where_transformers_does(tokenizer: Any) -> None:
    model = gpt2(eos_token_id=2, pad_token_id=0, bos_token_id=0)
    model.generation_config.eos_token_id = [2, 7]
    last = set()
    for temperature, seed in ((0.0, 0), *((1.0, seed) for seed in range(6))):
        for made in generate(
            model, tokenizer, PROMPTS, max_new_tokens=14, temperature=temperature, seed=seed, max_prompt_tokens=8,
            batch_size=4,
        ):  # fmt: skip
            assert not {2, 7} & set(made.completion_ids[:-1])
            assert (made.finish_reason == "stop") == (made.completion_ids[-1] in (2, 7))
            words = [WORDS[id] for id in made.completion_ids if id not in (2, 7)]
            assert made.text == " ".join(words)
            last.add(made.completion_ids[-1])
            if temperature == 0:
                ids = torch.tensor([made.prompt_ids])
                wanted = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=14)
                assert made.completion_ids == tuple(wanted[0, ids.shape[1] :].tolist())
    assert {2, 7} <= last
