"""An adapter's folder in place of a model's: trained on by PPO, and merged for the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, BertConfig, BertLMHeadModel

from rlaif.errors import UserError
from rlaif.models.adapters import is_adapter, load_adapter
from rlaif.models.policy import load_pretrained
from rlaif.rl.config import PPOConfig
from rlaif.rl.trainer import PPOTrainer
from tests.rl.conftest import build_policy, build_tokenizer

WORDS = ["<eos>", "a", "b", "c", "d", "e", "f", "g"]
IDS = torch.tensor([[1, 2, 3, 4], [5, 1, 6, 7]])


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A model with its tokenizer, and an adapter of it that changes what it says."""
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    build_policy().save_pretrained(base)
    build_tokenizer(WORDS).save_pretrained(base)
    config = peft.LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True, task_type="CAUSAL_LM")
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter)
    model.save_pretrained(adapter)
    return base, adapter


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    return model.eval()(input_ids=IDS).logits


def independent(base: Path, adapter: Path) -> torch.Tensor:
    return logits(peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter))


def test_it_is_loaded_over_its_model_and_trained(folders: tuple[Path, Path]) -> None:
    base, adapter = folders
    assert is_adapter(str(adapter)) and not is_adapter(str(base)) and not is_adapter("gpt2")
    model = load_adapter(str(adapter))
    torch.testing.assert_close(logits(model), independent(base, adapter))
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained and all("lora" in name for name in trained)


@pytest.mark.parametrize("as_text", [True, False])
def test_ppo_goes_on_with_it(folders: tuple[Path, Path], tmp_path: Path, as_text: bool) -> None:
    """The reference is the policy as it is loaded, adapter included; the tokenizer is that of the model below."""
    base, adapter = folders
    logged: list[dict[str, float]] = []
    config = PPOConfig(
        seed=0, max_completion_length=4, max_prompt_length=8, total_episodes=16, rollout_batch_size=8,
        num_mini_batches=1, num_ppo_epochs=1, learning_rate=1e-2,
    )  # fmt: skip
    trainer = PPOTrainer(
        str(adapter) if as_text else adapter, lambda completions, **columns: [float(len(c)) for c in completions],
        config, [{"prompt": "a b"}], on_rollout=lambda step, metrics, rollout: logged.append(metrics),
    )  # fmt: skip
    torch.testing.assert_close(logits(trainer.model), independent(base, adapter))
    trainer.train()
    assert logged[0]["ppo/k3"] == pytest.approx(0, abs=1e-6)
    trainer.save_model(tmp_path / "trained")
    torch.testing.assert_close(logits(load_adapter(str(tmp_path / "trained"))), logits(trainer.model))


def test_the_pipeline_gets_one_plain_model(folders: tuple[Path, Path]) -> None:
    base, adapter = folders
    policy = load_pretrained(str(adapter))
    assert not hasattr(policy.model, "peft_config")
    assert all(parameter.requires_grad for parameter in policy.model.parameters())
    torch.testing.assert_close(logits(policy.model).cpu(), independent(base, adapter), rtol=1e-4, atol=1e-4)
    assert policy.tokenizer.eos_token_id == 0


def test_a_model_that_is_no_causal_one_is_refused(tmp_path: Path) -> None:
    build_tokenizer(WORDS).save_pretrained(tmp_path)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertLMHeadModel(BertConfig(vocab_size=8, **shape)).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"policy.path=.*: a BertLMHeadModel attends to later tokens"):
        load_pretrained(str(tmp_path))


def test_padding_beyond_the_embeddings_is_the_eos(folders: tuple[Path, Path]) -> None:
    base, _ = folders
    padded = build_tokenizer(WORDS)
    padded.add_special_tokens({"pad_token": "[PAD]"})
    padded.save_pretrained(base)
    assert load_pretrained(str(base)).tokenizer.pad_token_id == 0
    build_tokenizer([*WORDS, "h", "i"]).save_pretrained(base)
    with pytest.raises(UserError, match="more tokens than the model has embeddings"):
        load_pretrained(str(base))


def test_an_adapter_whose_model_is_gone_is_one_line(folders: tuple[Path, Path]) -> None:
    base, adapter = folders
    base.rename(base.with_name("elsewhere"))
    tokenizer = build_tokenizer(WORDS)
    with pytest.raises(UserError, match=f"{adapter} is an adapter of {base}, which cannot be loaded") as caught:
        PPOTrainer(str(adapter), len, PPOConfig(), [{"prompt": "a"}], tokenizer)
    assert "\n" not in str(caught.value)
    tokenizer.save_pretrained(adapter)
    with pytest.raises(UserError, match=f"policy.path={adapter} is an adapter of {base}"):
        load_pretrained(str(adapter))
