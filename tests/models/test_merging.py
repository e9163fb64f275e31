"""A policy that is saved computes what the trained one does, whatever its adapters are on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from rlaif.errors import UserError
from rlaif.models.merging import adapters_are_all, as_saved, merge_adapters

IDS = torch.tensor([[3, 1, 7, 2, 5, 0, 4, 6]])


def llama(**changes: Any) -> Any:
    torch.manual_seed(0)
    shape: dict[str, Any] = {
        "vocab_size": 8, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 2, "max_position_embeddings": 32, "initializer_range": 0.3, "attention_bias": True,
        "tie_word_embeddings": True, "eos_token_id": 0, "bos_token_id": None, "pad_token_id": None,
    }  # fmt: skip
    return LlamaForCausalLM(LlamaConfig(**{**shape, **changes}))


def gpt2() -> Any:
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=8, n_embd=16, n_layer=2, n_head=2, n_positions=32, initializer_range=0.3,
                   bos_token_id=0, eos_token_id=0)
    )  # fmt: skip


def resized() -> Any:
    model = llama(vocab_size=6)
    model.resize_token_embeddings(8, mean_resizing=False)
    return model


def untied() -> Any:
    return llama(tie_word_embeddings=False)


def lora(*modules: str, **changes: Any) -> peft.LoraConfig:
    return peft.LoraConfig(**{"r": 2, "task_type": "CAUSAL_LM", "target_modules": [*modules], **changes})


def loha(*modules: str) -> Any:
    return peft.LoHaConfig(task_type="CAUSAL_LM", r=2, target_modules=[*modules])


CASES: dict[str, tuple[Callable[[], Any], Any]] = {
    "linear layers": (llama, lora("q_proj", "down_proj")),
    "embedding": (llama, lora("embed_tokens", "q_proj")),
    "head": (llama, lora("lm_head", "q_proj")),
    "embedding and head": (llama, lora("embed_tokens", "lm_head")),
    "embedding, untied": (untied, lora("embed_tokens", "lm_head")),
    "embedding, tied adapters": (llama, lora("embed_tokens", ensure_weight_tying=True)),
    "head, tied adapters": (llama, lora("lm_head", ensure_weight_tying=True)),
    "embedding, dora": (llama, lora("embed_tokens", "q_proj", use_dora=True)),
    "head, dora": (llama, lora("lm_head", use_dora=True)),
    "head saved": (llama, lora("q_proj", modules_to_save=["lm_head"])),
    "embedding saved": (llama, lora("q_proj", modules_to_save=["embed_tokens"])),
    "both saved": (llama, lora("q_proj", modules_to_save=["embed_tokens", "lm_head"])),
    "both saved, tied": (llama, lora("q_proj", modules_to_save=["embed_tokens"], ensure_weight_tying=True)),
    "some tokens": (llama, lora("q_proj", trainable_token_indices=[1, 5])),
    "some tokens, tied": (llama, lora("q_proj", trainable_token_indices=[1, 5], ensure_weight_tying=True)),
    "some tokens of both": (llama, lora("q_proj", trainable_token_indices={"embed_tokens": [1], "lm_head": [5]})),
    "resized": (resized, lora("embed_tokens", "q_proj")),
    "resized and saved": (resized, lora("q_proj", modules_to_save=["embed_tokens", "lm_head"])),
    "layers again": (llama, lora("q_proj", layer_replication=[(0, 2), (1, 2)])),
    "bare parameters": (llama, lora("q_proj", target_parameters=["v_proj.weight"])),
    "all biases": (llama, lora("q_proj", bias="all")),
    "pissa": (llama, lora("q_proj", init_lora_weights="pissa")),
    "pissa on the embedding": (llama, lora("embed_tokens", "q_proj", init_lora_weights="pissa")),
    "olora": (llama, lora("q_proj", init_lora_weights="olora")),
    "loha": (llama, loha("q_proj")),
    "ia3": (llama, peft.IA3Config(task_type="CAUSAL_LM", target_modules=["v_proj", "down_proj"],
                                  feedforward_modules=["down_proj"])),
    "tokens alone": (llama, peft.TrainableTokensConfig(task_type="CAUSAL_LM", token_indices=[2, 3],
                                                       target_modules=["embed_tokens"])),
    "gpt2's embedding": (gpt2, lora("wte")),
    "gpt2's head": (gpt2, lora("lm_head")),
    "gpt2's positions": (gpt2, lora("wpe")),
    "gpt2's layers and head": (gpt2, lora("c_attn", modules_to_save=["lm_head"], fan_in_fan_out=True)),
}  # fmt: skip


def trained(name: str) -> Any:
    """A policy whose adapters have moved far."""
    build, config = CASES[name]
    policy = peft.get_peft_model(build(), config).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in policy.parameters():
            if parameter.requires_grad:
                parameter += 0.3 * torch.randn_like(parameter)
    return policy


@torch.no_grad()
def logprobs(model: nn.Module) -> Tensor:
    return model.eval()(input_ids=IDS).logits.log_softmax(-1)


@pytest.mark.parametrize("name", CASES)
def test_a_merged_policy_is_the_trained_one_also_when_loaded_again(name: str, tmp_path: Path) -> None:
    policy = trained(name)
    wanted, before = logprobs(policy), logprobs(CASES[name][0]())
    assert (wanted - before).abs().max() > 0.1, "the adapters did nothing, so the test could not fail"
    plain = merge_adapters(policy)
    torch.testing.assert_close(logprobs(plain), wanted, atol=2e-5, rtol=0)
    assert torch.equal(logprobs(policy), wanted), "merging changed the policy"
    plain.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    torch.testing.assert_close(logprobs(loaded), wanted, atol=2e-5, rtol=0)
    if loaded.config.tie_word_embeddings:
        assert loaded.get_input_embeddings().weight is loaded.get_output_embeddings().weight
        assert plain.get_input_embeddings().weight is plain.get_output_embeddings().weight


@pytest.mark.parametrize("name", CASES)
def test_adapters_saved_alone_are_the_trained_policy_on_the_model_below(name: str, tmp_path: Path) -> None:
    policy = trained(name)
    assert adapters_are_all(policy)
    policy.save_pretrained(tmp_path)
    again = peft.PeftModel.from_pretrained(CASES[name][0](), tmp_path)
    torch.testing.assert_close(logprobs(again), logprobs(policy), atol=2e-5, rtol=0)


def test_adapters_that_cannot_be_merged_are_one_line() -> None:
    policy = peft.get_peft_model(untied(), lora("down_proj", lora_bias=True))  # the layer has no bias to add it to
    with pytest.raises(UserError, match=r"adapters cannot be merged into the weights: .*bias"):
        merge_adapters(policy)


@pytest.mark.parametrize("what", ["an unfrozen embedding", "pissa by a random decomposition"])
def test_what_adapters_alone_do_not_hold_is_saved_whole(what: str, tmp_path: Path) -> None:
    config = lora("q_proj", init_lora_weights="pissa_niter_2" if what.startswith("pissa") else True)
    policy = peft.get_peft_model(llama(), config)
    if what == "an unfrozen embedding":
        policy.get_input_embeddings().weight.requires_grad_(True)
        nn.init.normal_(policy.get_input_embeddings().weight)
    as_saved(policy).save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    torch.testing.assert_close(logprobs(loaded), logprobs(policy), atol=2e-5, rtol=0)
