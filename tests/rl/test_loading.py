"""Folders with damaged files, or with another model than is asked for, are one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForSequenceClassification

from rlaif.errors import UserError
from rlaif.models.policy import load_pretrained
from rlaif.models.reward_model import RewardModel
from rlaif.rl.loading import load_model, load_tokenizer
from rlaif.rl.reward_funcs.reward_model import ModelReward


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "weights cut short": lambda folder: cut(folder / "model.safetensors"),
    "weights that are text": lambda folder: (folder / "model.safetensors").write_text("version https://git-lfs"),
    "a config that is a list": lambda folder: (folder / "config.json").write_text("[1]"),
    "a config of numbers": lambda folder: (folder / "config.json").write_text('{"model_type": "gpt2", "n_embd": "a"}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_one_line(
    make_policy: Callable[..., Any], tokenizer: Any, tmp_path: Path, damage: str
) -> None:
    make_policy().save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    load_pretrained(str(tmp_path))
    DAMAGES[damage](tmp_path)
    for load in (
        lambda: load_model(str(tmp_path), "AutoModelForCausalLM"),
        lambda: load_model(str(tmp_path), "AutoModel", "value_model"),
        lambda: load_pretrained(str(tmp_path)),
        lambda: ModelReward(str(tmp_path)),
        lambda: RewardModel.load(tmp_path),
    ):
        with pytest.raises(UserError) as error:
            load()
        assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)


def test_a_damaged_tokenizer_is_one_line(make_policy: Callable[..., Any], tokenizer: Any, tmp_path: Path) -> None:
    make_policy().save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"')
    for load in (lambda: load_tokenizer(str(tmp_path)), lambda: load_pretrained(str(tmp_path))):
        with pytest.raises(UserError) as error:
            load()
        assert "\n" not in str(error.value)


def test_a_classifiers_folder_is_no_policy(tokenizer: Any, tmp_path: Path) -> None:
    """transformers would draw the head that is not in its files at random, in silence but for a table."""
    torch.manual_seed(0)
    LlamaForSequenceClassification(
        LlamaConfig(vocab_size=8, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
                    num_labels=1)
    ).save_pretrained(tmp_path)  # fmt: skip
    tokenizer.save_pretrained(tmp_path)
    AutoModelForCausalLM.from_pretrained(tmp_path)
    for load in (
        lambda: load_model(str(tmp_path), "AutoModelForCausalLM"),
        lambda: load_pretrained(str(tmp_path)),
    ):
        with pytest.raises(UserError, match=r"its files lack lm_head\.weight, so it is another kind of model"):
            load()
    assert load_model(str(tmp_path), "AutoModel", "value_model").config.hidden_size == 16
