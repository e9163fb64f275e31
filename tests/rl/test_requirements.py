"""Models that PPO cannot train with: each is refused when the trainer is made, in one line and for its own reason."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import peft
import pytest
import torch
from torch import nn
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    BertLMHeadModel,
    BertModel,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    GPT2Model,
    T5Config,
    T5ForConditionalGeneration,
)

from rlaif.errors import UserError
from rlaif.rl.config import PPOConfig
from rlaif.rl.trainer import PPOTrainer
from tests.rl.conftest import build_tokenizer

CONFIG = PPOConfig(
    seed=0, max_completion_length=4, max_prompt_length=8, total_episodes=8, rollout_batch_size=4, num_mini_batches=1,
    num_ppo_epochs=1, learning_rate=1e-2,
)  # fmt: skip
ROWS = [{"prompt": "a"}, {"prompt": "b c"}]
WORDS = ["<eos>", "a", "b", "c", "d", "e", "f", "g"]


def length(completions: list[str], **columns: Any) -> list[float]:
    return [float(len(text)) for text in completions]


def gpt2(kind: Any = GPT2LMHeadModel, vocab_size: int = 8, **changes: Any) -> Any:
    torch.manual_seed(0)
    return kind(
        GPT2Config(vocab_size=vocab_size, n_embd=16, n_layer=1, n_head=2, n_positions=32, eos_token_id=0, **changes)
    )


def bert(kind: Any, **changes: Any) -> Any:
    torch.manual_seed(0)
    return kind(
        BertConfig(vocab_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
                   max_position_embeddings=32, **changes)
    )  # fmt: skip


def t5() -> Any:
    return T5ForConditionalGeneration(
        T5Config(vocab_size=8, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0)
    )


def bart() -> Any:
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    return BartForConditionalGeneration(
        BartConfig(vocab_size=8, d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=32,
                   eos_token_id=0, pad_token_id=1, bos_token_id=0, decoder_start_token_id=0, forced_eos_token_id=0,
                   **sizes)
    )  # fmt: skip


def lora(**changes: Any) -> Any:
    return peft.LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True, **changes)


def with_adapter(config: Any = None) -> Any:
    return peft.get_peft_model(gpt2(), config or lora())


def virtual(kind: Any) -> Any:
    return kind(task_type="CAUSAL_LM", num_virtual_tokens=2)


def without_values() -> Any:
    with torch.device("meta"):
        return gpt2()


def quantized() -> Any:
    model = gpt2()
    model.is_quantized = True
    return model


def make(model: Any = None, tokenizer: Any = None, **given: Any) -> PPOTrainer:
    return PPOTrainer(
        gpt2() if model is None else model, length, given.pop("args", CONFIG), ROWS,
        build_tokenizer(WORDS) if tokenizer is None else tokenizer, **given,
    )  # fmt: skip


MODELS: dict[str, tuple[Callable[[], Any], str]] = {
    "t5": (t5, "T5ForConditionalGeneration is an encoder-decoder"),
    "bart": (bart, "BartForConditionalGeneration is an encoder-decoder"),
    "classifier": (lambda: gpt2(GPT2ForSequenceClassification, num_labels=1), "no language-modelling head"),
    "base model": (lambda: gpt2(GPT2Model), "a GPT2Model has no language-modelling head"),
    "bert": (lambda: bert(BertLMHeadModel), "attends to later tokens, .*: load it with is_decoder=True"),
    "masked": (lambda: bert(BertForMaskedLM), "a BertForMaskedLM attends to later tokens"),
    "layer": (lambda: nn.Linear(2, 2), "a Linear is no model of transformers"),
    "mapping": (lambda: {"a": 1}, "a dict is no model"),
    "class": (lambda: GPT2LMHeadModel, "GPT2LMHeadModel is a class"),
    "parallel": (lambda: nn.DataParallel(gpt2()), "give the model itself, model.module"),
    "meta": (without_values, "some of its weights are on the meta device"),
    "quantized": (quantized, "its weights are quantized and cannot be trained: give peft_config"),
    "frozen": (lambda: gpt2().requires_grad_(False), "all its parameters are frozen"),
    "prefix": (lambda: with_adapter(virtual(peft.PrefixTuningConfig)), "prefix tuning puts virtual tokens"),
    "prompt": (lambda: with_adapter(virtual(peft.PromptTuningConfig)), "prompt tuning puts virtual tokens"),
    "p-tuning": (lambda: with_adapter(virtual(peft.PromptEncoderConfig)), "p tuning puts virtual tokens"),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_cannot_be_trained(name: str) -> None:
    build, says = MODELS[name]
    with pytest.raises(UserError, match=f"^model: .*{says}") as caught:
        make(build())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (virtual(peft.PrefixTuningConfig), "prefix tuning puts virtual tokens"),
        (virtual(peft.PromptTuningConfig), "prompt tuning puts virtual tokens"),
        (peft.LoraConfig(target_modules=["q_proj"]), "peft_config: Target modules {'q_proj'} not found"),
        (lora(inference_mode=True), "its adapters are frozen"),
        ({"r": 2}, "peft_config: a dict; give one of PEFT's"),
    ],
)
def test_adapters_that_cannot_be_made(config: Any, says: str) -> None:
    with pytest.raises(UserError, match=says):
        make(peft_config=config)


def injected() -> Any:
    model = gpt2()
    model.add_adapter(lora())
    return model


@pytest.mark.parametrize("build", [with_adapter, injected])
def test_adapters_upon_adapters(build: Callable[[], Any]) -> None:
    with pytest.raises(UserError, match="peft_config: the model has adapters already"):
        make(build(), peft_config=lora())


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: gpt2(vocab_size=12), "ref_model has a vocabulary of 12 tokens, and the model one of 8"),
        (lambda: gpt2(vocab_size=5), "ref_model has a vocabulary of 5 tokens"),
        (lambda: gpt2(GPT2Model), "ref_model: a GPT2Model has no language-modelling head"),
        (lambda: bert(BertLMHeadModel), "ref_model: a BertLMHeadModel attends to later tokens"),
        (without_values, "ref_model: some of its weights are on the meta device"),
        (t5, "ref_model: a T5ForConditionalGeneration is an encoder-decoder"),
        (lambda: 3, "ref_model: a int is no model"),
    ],
)
def test_a_reference_that_the_policy_cannot_be_compared_with(build: Callable[[], Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        make(ref_model=build())


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: gpt2(vocab_size=5), "value_model has a vocabulary of 5 tokens"),
        (lambda: gpt2(vocab_size=12), "value_model has a vocabulary of 12 tokens"),
        (lambda: bert(BertModel), "value_model: a BertModel attends to later tokens"),
        (t5, "value_model: a T5ForConditionalGeneration is an encoder-decoder"),
        (without_values, "value_model: some of its weights are on the meta device"),
        (lambda: nn.Linear(2, 2), "value_model: a Linear is no model of transformers"),
    ],
)
def test_a_critic_that_cannot_read_what_the_policy_writes(build: Callable[[], Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        make(value_model=build())


def test_a_critic_that_is_the_policy() -> None:
    policy = gpt2()
    for value_model in (policy, policy.transformer):
        with pytest.raises(UserError, match="value_model has weights of the model"):
            make(policy, value_model=value_model)


def test_vocabularies_that_are_filled_up_agree() -> None:
    """Models of a family have the same tokens and matrices of other sizes."""
    trainer = make(gpt2(vocab_size=64), ref_model=gpt2(vocab_size=128), value_model=gpt2(vocab_size=128))
    trainer.train()
    assert trainer.rollout_index == 2


def test_a_tokenizer_with_more_tokens_than_the_model() -> None:
    larger = build_tokenizer([*WORDS, "h"])
    with pytest.raises(UserError, match="the tokenizer has 9 tokens, and the model 8 embeddings"):
        make(tokenizer=larger)
    padded = build_tokenizer(WORDS)
    padded.add_special_tokens({"pad_token": "[PAD]"})  # as many do; padding is never looked at
    make(tokenizer=padded).train()


@pytest.mark.parametrize("given", [build_tokenizer(WORDS).backend_tokenizer, lambda text: text, 3])
def test_what_is_no_tokenizer(given: Any) -> None:
    with pytest.raises(UserError, match=r"processing_class: a .* is no tokenizer of transformers"):
        make(tokenizer=given)


def test_settings_that_are_no_config() -> None:
    with pytest.raises(UserError, match="args: a dict; give a PPOConfig"):
        make(args={"learning_rate": 1e-5})


def test_weights_in_every_kind_of_list_and_what_are_none() -> None:
    for weights in ([1, 2.0], np.array([1.0, 2.0]), torch.tensor([1.0, 2.0])):
        assert PPOConfig(reward_weights=weights).reward_weights == (1.0, 2.0)  # type: ignore[arg-type]
    for weights, says in (
        ("ab", "'ab' is not a list"),
        ({"a": 1.0}, "is not a list"),
        ((None,), "None is not a finite"),
    ):
        with pytest.raises(UserError, match=f"reward_weights: .*{says}"):
            PPOConfig(reward_weights=weights)  # type: ignore[arg-type]


class Processor:
    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def __call__(self, text: Any = None, **options: Any) -> Any:
        return self.tokenizer(text=text, **options)


def test_what_can_be_trained_with_is_not_refused(tmp_path: Any) -> None:
    several = with_adapter()
    several.add_adapter("second", lora())
    gpt2().save_pretrained(tmp_path)
    build_tokenizer(WORDS).save_pretrained(tmp_path)
    for model, given in (
        (torch.compile(gpt2()), {}),
        (several, {}),
        (injected(), {}),
        (tmp_path, {"ref_model": tmp_path, "value_model": tmp_path, "tokenizer": tmp_path}),
        (str(tmp_path), {"tokenizer": Processor(build_tokenizer(WORDS)), "ref_model": str(tmp_path)}),
        (gpt2(), {"value_model": gpt2(GPT2ForSequenceClassification, num_labels=1)}),
    ):
        trainer = make(model, **given)
        before = copy.deepcopy(trainer.model.state_dict())
        trainer.train()
        assert any(not torch.equal(before[name], one) for name, one in trainer.model.state_dict().items())
        assert not any(name.startswith("_orig_mod") for name in before)
