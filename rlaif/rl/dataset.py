"""Training prompts: rows with "prompt", in the standard or the conversational form of TRL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlaif.errors import UserError
from rlaif.models import texts

Messages = list[dict[str, Any]]
"""A conversation: [{"role": "user", "content": "..."}, ...]."""

NOT_COLUMNS = ("prompt", "completion", "completion_ids")
"""What TRL's trainers do not hand to reward functions as columns."""


@dataclass(frozen=True)
class Prompt:
    """One row of the training data."""

    text: str
    """What the policy reads: the prompt, or the conversation through the chat template."""
    messages: Messages | None = None
    """The conversation, where the prompt is one."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """The row's other columns, for reward functions."""


def read_prompts(
    train_dataset: Any, processing_class: Any, chat_template_kwargs: Mapping[str, Any] | None = None
) -> list[Prompt]:
    """The rows of a `datasets.Dataset` or a list of rows.

    A conversation that ends with an assistant's message is one that the policy goes on with;
    any other gets the template's generation prompt.

    Raises:
        UserError: data without rows or without "prompt", an empty prompt, standard and
            conversational rows mixed, rows whose columns differ, no chat template.
    """
    rows = _rows(train_dataset)
    conversational = isinstance(rows[0]["prompt"], list)
    if conversational and getattr(processing_class, "chat_template", None) is None:
        raise UserError(
            "train_dataset: its prompts are conversations, and the tokenizer has no chat template: set "
            "processing_class.chat_template, or use the tokenizer of a chat model"
        )
    return [
        Prompt(
            text=_apply_template(number, row["prompt"], processing_class, chat_template_kwargs or {})
            if conversational
            else row["prompt"],
            messages=row["prompt"] if conversational else None,
            columns={name: value for name, value in row.items() if name not in NOT_COLUMNS},
        )
        for number, row in enumerate(rows)
    ]


def encode_prompts(
    prompts: Sequence[Prompt], processing_class: Any, max_prompt_length: int | None
) -> list[tuple[list[int], int]]:
    """Each prompt's last `max_prompt_length` token ids, and how many before them were cut.

    As in TRL, the tokenizer adds its special tokens to a standard prompt, while a chat template
    has written those that it wants.

    Raises:
        UserError: a prompt without tokens.
    """
    if not prompts:
        return []
    encoded = texts.encode_prompts(
        processing_class,
        [prompt.text for prompt in prompts],
        max_prompt_length,
        add_special_tokens=prompts[0].messages is None,
    )
    return [(list(ids), num_cut) for ids, num_cut in encoded]


def _rows(train_dataset: Any) -> list[Mapping[str, Any]]:
    """All rows, checked: alike, and each with a prompt."""
    if isinstance(train_dataset, Mapping):  # a DatasetDict
        raise UserError(f"train_dataset: give one split of it, such as train_dataset={_first(train_dataset)!r}")
    if not (hasattr(train_dataset, "__len__") and isinstance(train_dataset, Iterable)) or isinstance(
        train_dataset, str
    ):
        raise UserError(
            f"train_dataset: a {type(train_dataset).__name__} has no length, so it cannot be shuffled: "
            "give a datasets.Dataset or a list of rows"
        )
    rows = list(train_dataset)
    if not rows:
        raise UserError("train_dataset: there are no prompts in it")
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping) or "prompt" not in row:
            found = f"columns {', '.join(map(str, row))}" if isinstance(row, Mapping) else type(row).__name__
            raise UserError(f'train_dataset: row {number} has no "prompt" ({found})')
        if row.keys() != rows[0].keys():
            raise UserError(
                f"train_dataset: row {number} has other columns ({', '.join(row)}) than row 0 ({', '.join(rows[0])})"
            )
        _check_prompt(number, row["prompt"])
        if isinstance(row["prompt"], list) != isinstance(rows[0]["prompt"], list):
            raise UserError(f"train_dataset: text and conversations are mixed (rows 0 and {number}): use one form")
    return rows


def _first(names: Mapping[str, Any]) -> str:
    return "train" if "train" in names else next(iter(names), "train")


def _check_prompt(number: int, prompt: Any) -> None:
    if isinstance(prompt, str):
        if not prompt:
            raise UserError(f"train_dataset: the prompt of row {number} is empty")
        return
    if not isinstance(prompt, list) or not all(isinstance(m, Mapping) and "role" in m for m in prompt):
        raise UserError(
            f"train_dataset: the prompt of row {number} is neither text nor a list of messages with "
            f'"role" and "content": {str(prompt)[:80]}'
        )
    if not prompt:
        raise UserError(f"train_dataset: the conversation of row {number} has no messages")


def _apply_template(number: int, messages: Messages, processing_class: Any, options: Mapping[str, Any]) -> str:
    goes_on = messages[-1]["role"] == "assistant"
    try:
        text: str = processing_class.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=not goes_on, continue_final_message=goes_on, **options
        )
    except Exception as error:  # a template may raise anything, jinja2's errors among it
        raise UserError(f"train_dataset: the chat template cannot render row {number}: {error}") from error
    if not text:
        raise UserError(f"train_dataset: the chat template makes an empty text of row {number}")
    return text
