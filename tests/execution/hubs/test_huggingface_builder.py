"""What the builder of the Hugging Face hub knows of real repositories, without the environment's own libraries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import BlenderbotConfig, GenerationConfig, GPT2Config, PretrainedConfig

from rlaif.execution.hubs.huggingface.builder.cache_layout import add_repository
from rlaif.execution.hubs.huggingface.builder.class_info import class_info_file, write_class_info
from rlaif.execution.hubs.huggingface.builder.generation import end_long_texts, task_parameters


@pytest.mark.parametrize(("num_classes", "num_things"), [(150, 100), (133, 80), (19, 8)])
def test_each_data_set_tells_its_classes_and_which_are_things(
    tmp_path: Path, num_classes: int, num_things: int
) -> None:
    write_class_info(tmp_path)
    classes = json.loads((tmp_path / class_info_file(num_classes)).read_text(encoding="utf-8"))
    assert list(classes) == [str(number) for number in range(num_classes)]
    assert sum(entry["isthing"] for entry in classes.values()) == num_things


def test_a_data_set_that_is_not_known_is_refused() -> None:
    with pytest.raises(LookupError, match="7 classes"):
        class_info_file(7)


@pytest.mark.parametrize(
    ("model_type", "name", "task", "samples"),
    [
        ("gpt2", "distilgpt2", "Text Generation", True),
        ("gptj", "owner/pygmalion-6b", "Text Generation", True),
        ("gpt2", "microsoft/DialoGPT-medium", "Text Generation", False),
        ("gpt2", "owner/bot", "Conversational", False),
        ("gpt2", "cerebras/Cerebras-GPT-111M", "Text Generation", False),
        ("opt", "facebook/opt-125m", "Text Generation", False),
    ],
)
def test_the_first_gpts_sample_by_default(model_type: str, name: str, task: str, samples: bool) -> None:
    found = task_parameters(model_type, name, task, 50)
    assert found == ({"text-generation": {"do_sample": True, "max_length": 50}} if samples else None)


@pytest.mark.parametrize(
    ("config", "eos", "ends"),
    [(BlenderbotConfig(), 2, True), (GPT2Config(), 2, False), (BlenderbotConfig(), None, False)],
    ids=["short texts", "open-ended", "no token for the end"],
)
def test_only_texts_that_are_short_in_reality_are_made_to_end(
    config: PretrainedConfig, eos: int | None, ends: bool
) -> None:
    generation = GenerationConfig(eos_token_id=eos)
    end_long_texts(config, generation)
    found = [getattr(one, "exponential_decay_length_penalty", None) for one in (config, generation)]
    assert [penalty is not None for penalty in found] == [ends, ends]


def test_a_data_set_lies_apart_from_a_model_of_its_name(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.json").write_text("{}", encoding="utf-8")
    for repo_type in ("model", "dataset"):
        add_repository(tmp_path / "hub", "owner/name", files, ("main",), repo_type)
    folders = sorted(path.name for path in (tmp_path / "hub").iterdir())
    assert folders == ["datasets--owner--name", "models--owner--name"]
    assert len(list((tmp_path / "hub").glob("*/snapshots/*/a.json"))) == 2
