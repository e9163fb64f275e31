"""Prompts: both forms of TRL, and what cannot be trained with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from rlaif.errors import UserError
from rlaif.rl.config import PPOConfig
from rlaif.rl.dataset import encode_prompts, read_prompts
from rlaif.rl.ptx import read_texts
from rlaif.rl.trainer import PPOTrainer

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }}"
    "{% if not (continue_final_message and loop.last) %} <end> {% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant> {% endif %}"
)


@pytest.fixture
def chat_tokenizer(make_tokenizer: Any) -> Any:
    tokenizer = make_tokenizer(["<eos>", "<unk>", "<user>", "<assistant>", "<end>", "a", "b", "c"])
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def test_a_standard_prompt_is_its_text(tokenizer: Any) -> None:
    prompts = read_prompts([{"prompt": "a b", "answer": 1, "completion": "x"}, {"prompt": "c", "answer": 2,
                            "completion": "y"}], tokenizer)  # fmt: skip
    assert [(p.text, p.messages, dict(p.columns)) for p in prompts] == [
        ("a b", None, {"answer": 1}),
        ("c", None, {"answer": 2}),
    ]


def test_a_dataset_reads_as_its_rows_do(tokenizer: Any) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{"prompt": "a b", "answer": [1, 2]}, {"prompt": "c", "answer": [3]}]
    assert read_prompts(datasets.Dataset.from_list(rows), tokenizer) == read_prompts(rows, tokenizer)


def test_a_conversation_gets_the_generation_prompt(chat_tokenizer: Any) -> None:
    (prompt,) = read_prompts([{"prompt": [user("a b")], "id": 7}], chat_tokenizer)
    assert prompt.text == "<user> a b <end> <assistant> "
    assert prompt.messages == [user("a b")]
    assert prompt.columns == {"id": 7}


def test_a_conversation_that_ends_with_the_assistant_is_gone_on_with(chat_tokenizer: Any) -> None:
    messages = [user("a"), {"role": "assistant", "content": "b"}]
    (prompt,) = read_prompts([{"prompt": messages}], chat_tokenizer)
    assert prompt.text.rstrip() == "<user> a <end> <assistant> b"


def test_a_template_gets_its_options(chat_tokenizer: Any) -> None:
    chat_tokenizer.chat_template = "{% if thinking %}a{% else %}b{% endif %}"
    (prompt,) = read_prompts([{"prompt": [user("c")]}], chat_tokenizer, {"thinking": True})
    assert prompt.text == "a"


SEARCH = {"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {}}}}


def test_a_rows_own_tools_and_options_reach_its_template(chat_tokenizer: Any) -> None:
    chat_tokenizer.chat_template = (
        "{% for tool in tools or [] %}{{ tool['function']['name'] }} {% endfor %}"
        "{{ 'think' if thinking else 'hurry' }} {{ style }} {{ messages[0]['content'] }}"
    )
    rows = [
        {"prompt": [user("a")], "tools": [SEARCH], "chat_template_kwargs": {"thinking": True}},
        {"prompt": [user("b")], "tools": json.dumps([SEARCH, SEARCH]), "chat_template_kwargs": '{"style": "short"}'},
        {"prompt": [user("c")], "tools": [], "chat_template_kwargs": None},
        {"prompt": [user("d")], "tools": None, "chat_template_kwargs": {"add_generation_prompt": False}},
    ]
    prompts = read_prompts(rows, chat_tokenizer, {"style": "long"})
    assert [prompt.text for prompt in prompts] == [
        "search think long a",
        "search search hurry short b",
        "hurry long c",
        "hurry long d",
    ]
    assert prompts[0].columns["tools"] == [SEARCH], "reward functions get them as well"


def test_what_a_dataset_fills_up_with_none_reaches_no_template(chat_tokenizer: Any) -> None:
    datasets = pytest.importorskip("datasets")
    chat_tokenizer.chat_template = "{{ tools | tojson }} {{ thinking is defined }}"
    rows = [
        {"prompt": [user("a")], "tools": [{"name": "f", "x": 1}], "chat_template_kwargs": {"thinking": True, "k": 0}},
        {"prompt": [user("b")], "tools": [{"name": "g", "y": 2}], "chat_template_kwargs": {"k": 1}},
    ]
    texts = [prompt.text for prompt in read_prompts(datasets.Dataset.from_list(rows), chat_tokenizer)]
    assert texts == [prompt.text for prompt in read_prompts(rows, chat_tokenizer)]
    assert texts == ['[{"name": "f", "x": 1}] True', '[{"name": "g", "y": 2}] False']


def test_contents_of_text_parts_are_one_text(chat_tokenizer: Any) -> None:
    parts = [{"type": "text", "text": "a "}, {"type": "text", "text": "b"}]
    (prompt,) = read_prompts([{"prompt": [{"role": "user", "content": parts}]}], chat_tokenizer)
    assert prompt.text == "<user> a b <end> <assistant> "


class MapStyle:
    """As torch's data sets are."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> dict[str, Any]:
        return ROWS[number]


ROWS = [{"prompt": "a b", "answer": 1}, {"prompt": "c", "answer": 2}]


def in_every_form() -> dict[str, Any]:
    pandas = pytest.importorskip("pandas")
    return {
        "tuple": tuple(ROWS),
        "columns": {"prompt": ["a b", "c"], "answer": [1, 2]},
        "map style": MapStyle(),
        "frame": pandas.DataFrame(ROWS),
        "series index": pandas.DataFrame(ROWS, index=[7, 3]),
    }


@pytest.mark.parametrize("form", ["tuple", "columns", "map style", "frame", "series index"])
def test_every_form_of_rows_reads_alike(form: str, tokenizer: Any) -> None:
    assert read_prompts(in_every_form()[form], tokenizer) == read_prompts(ROWS, tokenizer)


def test_a_dataset_may_give_its_rows_as_frames(tokenizer: Any) -> None:
    datasets = pytest.importorskip("datasets")
    for form in ("pandas", "arrow"):
        formatted = datasets.Dataset.from_list(ROWS).with_format(form)
        assert read_prompts(formatted, tokenizer) == read_prompts(ROWS, tokenizer)


def test_conversations_of_a_frame_are_read(chat_tokenizer: Any) -> None:
    np, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    conversation = np.array([user("a b")], dtype=object)  # what pandas makes of a Parquet file's lists
    frame = pandas.DataFrame({"prompt": [conversation, (user("c"),)]})
    assert read_prompts(frame, chat_tokenizer) == read_prompts(
        [{"prompt": [user("a b")]}, {"prompt": [user("c")]}], chat_tokenizer
    )


def test_a_stream_has_no_length(tokenizer: Any) -> None:
    datasets = pytest.importorskip("datasets")
    stream = datasets.Dataset.from_list(ROWS).to_iterable_dataset()
    with pytest.raises(UserError, match="a IterableDataset has no length"):
        read_prompts(stream, tokenizer)
    with pytest.raises(UserError, match="one split of it, such as train_dataset='train'"):
        read_prompts(datasets.DatasetDict({"train": datasets.Dataset.from_list(ROWS)}), tokenizer)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (None, "train_dataset: there is none"),
        ("data.jsonl", "'data.jsonl' is a text, not rows: load it"),
        (Path("data.jsonl"), "'data.jsonl' is a text, not rows: load it"),
        ([{"prompt": None}], "row 0 is neither text nor a list of messages"),
        ([{"prompt": b"a"}], "row 0 is neither text nor a list of messages"),
        ([{"prompt": "a"}, {"prompt": float("nan")}], "row 1 is neither text nor a list of messages"),
        ([{"prompt": [{"role": "user"}]}], "a message of row 0 has no text as its content"),
        ([{"prompt": [{"role": "user", "content": 3}]}], "a message of row 0 has no text as its content"),
        (
            [{"prompt": [user("a")]}, {"prompt": [{"role": "user", "content": [{"type": "image"}]}]}],
            "row 1: a message holds a part of type 'image'",
        ),
        ([{"prompt": [user("a")], "tools": "{"}], "row 0: tools is a text that is not JSON"),
        ([{"prompt": [user("a")], "tools": "[" + "1" * 5000 + "]"}], "row 0: tools is a text that is not JSON"),
        ([{"prompt": [user("a")], "tools": {"a": 1}}], "row 0: tools is a dict"),
        ([{"prompt": [user("a")], "chat_template_kwargs": [1]}], "row 0: chat_template_kwargs is a list"),
        ([{"prompt": "a", 3: 1}], "rename its column 3"),
        ([], "there are no prompts"),
        ([{"text": "a"}], r'row 0 has no "prompt" \(columns text\)'),
        (["a"], r'row 0 has no "prompt" \(str\)'),
        ([{"prompt": "a"}, {"prompt": ""}], "row 1 is empty"),
        ([{"prompt": []}], "row 0 has no messages"),
        ([{"prompt": 3}], "neither text nor a list of messages"),
        ([{"prompt": ["a"]}], "neither text nor a list of messages"),
        ([{"prompt": "a"}, {"prompt": [user("a")]}], r"mixed \(rows 0 and 1\)"),
        ([{"prompt": "a", "x": 1}, {"prompt": "b", "y": 1}], "row 1 has other columns"),
        ({"train": [{"prompt": "a"}]}, "one split"),
        (iter([{"prompt": "a"}]), "no length"),
    ],
)
def test_data_that_cannot_be_trained_with(rows: Any, says: str, chat_tokenizer: Any) -> None:
    with pytest.raises(UserError, match=says):
        read_prompts(rows, chat_tokenizer)


def test_a_conversation_needs_a_chat_template(tokenizer: Any) -> None:
    with pytest.raises(UserError, match="no chat template"):
        read_prompts([{"prompt": [user("a")]}], tokenizer)


def test_a_template_that_fails_is_named_with_its_row(chat_tokenizer: Any) -> None:
    chat_tokenizer.chat_template = "{{ raise_exception('no system message') }}"
    with pytest.raises(UserError, match="row 0: no system message"):
        read_prompts([{"prompt": [user("a")]}], chat_tokenizer)


def test_a_template_may_fail_in_many_words(chat_tokenizer: Any) -> None:
    chat_tokenizer.chat_template = "{{ messages[0]['content'] + 3 }}"
    with pytest.raises(UserError) as caught:
        read_prompts([{"prompt": [user("a\nb")]}], chat_tokenizer)
    assert "\n" not in str(caught.value)


def trainer_on(rows: list[dict[str, Any]], make_policy: Any, tokenizer: Any, **changes: Any) -> PPOTrainer:
    """The policy has 64 positions."""
    settings = {"max_prompt_length": 60, "max_completion_length": 8, "total_episodes": 4, "rollout_batch_size": 4}
    config = PPOConfig(**{**settings, **changes})

    def reward(completions: list[str], **columns: Any) -> list[float]:
        return [0.0] * len(completions)

    return PPOTrainer(make_policy(), reward, config, rows, tokenizer, ptx_dataset=rows)


def test_a_prompt_that_is_too_long_or_blank_is_found_when_the_trainer_is_made(make_policy: Any, tokenizer: Any) -> None:
    rows = [{"prompt": "a", "completion": "b"}] * 1500
    fits = {"prompt": " ".join("a" * 56), "completion": "b"}
    trainer_on([*rows, fits], make_policy, tokenizer)
    too_long = {"prompt": " ".join("a" * 57), "completion": "b"}
    with pytest.raises(UserError, match=r"the prompt of row 1501 has 57 tokens, .* exceeds the model's 64 positions"):
        trainer_on([*rows, fits, too_long], make_policy, tokenizer)
    trainer_on([*rows, too_long], make_policy, tokenizer, max_prompt_length=56)
    with pytest.raises(UserError, match="train_dataset: the prompt of row 1500 has no tokens: '  '"):
        trainer_on([*rows, {"prompt": "  ", "completion": "b"}], make_policy, tokenizer)


@pytest.mark.parametrize("shorter", ["value_model", "ref_model"])
def test_the_model_with_the_fewest_positions_counts(shorter: str, make_policy: Any, tokenizer: Any) -> None:
    torch.manual_seed(0)
    other = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_embd=32, n_layer=1, n_head=2, n_positions=16, eos_token_id=0))
    config = PPOConfig(max_prompt_length=60, max_completion_length=8, total_episodes=4, rollout_batch_size=4)
    rows = [{"prompt": "a"}, {"prompt": "a b c d e f g a b"}]

    def reward(completions: list[str], **columns: Any) -> list[float]:
        return [0.0] * len(completions)

    with pytest.raises(UserError, match=r"the prompt of row 1 has 9 tokens, .* 16 positions"):
        PPOTrainer(make_policy(), reward, config, rows, tokenizer, **{shorter: other})
    PPOTrainer(make_policy(), reward, config, rows[:1], tokenizer, **{shorter: other}).train()


def test_ptx_texts_are_looked_at_alike(make_policy: Any, tokenizer: Any) -> None:
    rows = [{"prompt": "a", "completion": "b"}, {"prompt": " ", "completion": "b"}]
    device = torch.device("cpu")
    with pytest.raises(UserError, match="ptx_dataset: the prompt of row 1 has no tokens"):
        read_texts(rows, tokenizer, PPOConfig(), device)
    with pytest.raises(UserError, match=r"ptx_dataset: the prompt of row 0 has 1 tokens, .* 64 positions"):
        read_texts(rows[:1], tokenizer, PPOConfig(max_completion_length=64), device, num_positions=64)
    said = [{"prompt": [user("a")], "completion": [{"role": "assistant", "content": "b c"}]}]
    tokenizer.chat_template = TEMPLATE
    assert read_texts(said, tokenizer, PPOConfig(), device).input_ids[0, -3:].tolist() == [2, 3, 0]


def test_encoding_keeps_the_last_tokens(tokenizer: Any) -> None:
    prompts = read_prompts([{"prompt": "a b c"}, {"prompt": "d"}], tokenizer)
    assert encode_prompts(prompts, tokenizer, 2) == [([2, 3], 1), ([4], 0)]
    assert encode_prompts(prompts, tokenizer, None) == [([1, 2, 3], 0), ([4], 0)]


def test_only_a_standard_prompt_gets_special_tokens(chat_tokenizer: Any) -> None:
    """A template writes its own; a second beginning-of-text would be one too many."""
    from tokenizers.processors import TemplateProcessing

    chat_tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<eos> $A", special_tokens=[("<eos>", 0)]
    )
    standard = read_prompts([{"prompt": "a"}], chat_tokenizer)
    chat = read_prompts([{"prompt": [user("a")]}], chat_tokenizer)
    assert encode_prompts(standard, chat_tokenizer, None) == [([0, 5], 0)]
    assert encode_prompts(chat, chat_tokenizer, None) == [([2, 5, 4, 3], 0)]


def test_a_prompt_without_tokens(tokenizer: Any) -> None:
    with pytest.raises(UserError, match="no tokens"):
        encode_prompts(read_prompts([{"prompt": "  "}], tokenizer), tokenizer, None)
