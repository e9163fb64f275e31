"""Prompts: both forms of TRL, and what cannot be trained with."""

from __future__ import annotations

from typing import Any

import pytest

from rlaif.errors import UserError
from rlaif.rl.dataset import encode_prompts, read_prompts

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


@pytest.mark.parametrize(
    ("rows", "says"),
    [
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
