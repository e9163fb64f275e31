"""Training prompts: rows with "prompt", in the standard or the conversational form of TRL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlaif.errors import UserError
from rlaif.models import texts
from rlaif.rl.rows import Messages, read_rows

__all__ = ["Messages", "Prompt", "encode_prompts", "read_prompts", "require_room"]

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


ENCODED_AT_ONCE = 1000
"""Prompts that are looked at together before the first is sampled from."""


def read_prompts(
    train_dataset: Any,
    processing_class: Any,
    chat_template_kwargs: Mapping[str, Any] | None = None,
    *,
    name: str = "train_dataset",
) -> list[Prompt]:
    """The rows of a `datasets.Dataset`, a data frame, a mapping of columns or a list of rows.

    A conversation that ends with an assistant's message is one that the policy goes on with;
    any other gets the template's generation prompt. As in TRL, a row's own `tools` and
    `chat_template_kwargs` go to the chat template.

    Args:
        chat_template_kwargs: for every row, which a row's own take the place of.
        name: of the argument, for errors.

    Raises:
        UserError: data without rows or without "prompt", an empty prompt, standard and
            conversational rows mixed, rows whose columns differ, no chat template.
    """
    rows = read_rows(train_dataset, name)
    conversational = isinstance(rows[0]["prompt"], list)
    if conversational and getattr(processing_class, "chat_template", None) is None:
        raise UserError(
            f"{name}: its prompts are conversations, and the tokenizer has no chat template: set "
            "processing_class.chat_template, or use the tokenizer of a chat model"
        )
    prompts = []
    for number, row in enumerate(rows):
        columns = {column: value for column, value in row.items() if column not in NOT_COLUMNS}
        if conversational:
            where = f"{name}: row {number}"
            options = template_options(row, where, chat_template_kwargs or {})
            messages = with_texts(row["prompt"], where)
            try:
                text = apply_template(messages, processing_class, options)
            except Exception as error:  # a template may raise anything, jinja2's errors among it
                said = " ".join(str(error).split())[:300]
                raise UserError(f"{name}: the chat template cannot render row {number}: {said}") from error
            if not text:
                raise UserError(f"{name}: the chat template makes an empty text of row {number}")
            prompts.append(Prompt(text, row["prompt"], columns))
        else:
            prompts.append(Prompt(row["prompt"], None, columns))
    return prompts


def encode_prompts(
    prompts: Sequence[Prompt], processing_class: Any, max_prompt_length: int | None
) -> list[tuple[list[int], int]]:
    """Each prompt's token ids, at most `max_prompt_length`, and how many were cut: see `texts.encode_prompts`.

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


def require_room(
    prompts: Sequence[Prompt],
    processing_class: Any,
    max_prompt_length: int | None,
    max_completion_length: int,
    num_positions: int | None,
    name: str = "train_dataset",
) -> None:
    """UserError for the first row whose prompt has no tokens, or leaves no room for a completion.

    Args:
        num_positions: of the model; None where nothing limits them.
    """
    for row, length in enumerate(prompt_lengths(prompts, processing_class, max_prompt_length)):
        if not length:
            raise UserError(f"{name}: the prompt of row {row} has no tokens: {prompts[row].text[:80]!r}")
        if num_positions is not None and length + max_completion_length > num_positions:
            raise UserError(
                f"{name}: the prompt of row {row} has {length} tokens, and with "
                f"max_completion_length={max_completion_length} exceeds the model's {num_positions} positions: lower "
                "max_prompt_length or max_completion_length"
            )


def prompt_lengths(prompts: Sequence[Prompt], processing_class: Any, max_prompt_length: int | None) -> Iterator[int]:
    """Tokens of each prompt as the policy reads it; 0 for a blank one."""
    for start in range(0, len(prompts), ENCODED_AT_ONCE):
        some = prompts[start : start + ENCODED_AT_ONCE]
        encoded = texts.encode_prompts(
            processing_class, [prompt.text for prompt in some], max_prompt_length,
            add_special_tokens=some[0].messages is None, allow_blank=True,
        )  # fmt: skip
        yield from (len(ids) for ids, _ in encoded)


def template_options(row: Mapping[str, Any], where: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the chat template of this row gets: the options of all rows, its own, and its tools."""
    own = _parsed(row.get("chat_template_kwargs"), f"{where}: chat_template_kwargs") or {}
    if not isinstance(own, Mapping):
        raise UserError(f"{where}: chat_template_kwargs is a {type(own).__name__}, and should be a dict")
    tools = _parsed(row.get("tools"), f"{where}: tools") or None  # Llama's template writes of tools where it gets []
    if tools is not None and not isinstance(tools, list | tuple):
        raise UserError(f"{where}: tools is a {type(tools).__name__}, and should be a list of JSON schemas")
    return {**options, **without_none(own), **({"tools": without_none(tools)} if tools else {})}


def without_none(value: Any) -> Any:
    """A `datasets.Dataset` gives all rows the same keys, None where a row has not that one."""
    if isinstance(value, Mapping):
        return {key: without_none(one) for key, one in value.items() if one is not None}
    return [without_none(one) for one in value] if isinstance(value, list | tuple) else value


def _parsed(value: Any, where: str) -> Any:
    """A column's value; data sets hold what has no fixed form as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is a text that is not JSON that can be read: {error}") from None


def apply_template(messages: Messages, processing_class: Any, options: Mapping[str, Any]) -> str:
    """The conversation up to where the policy goes on."""
    goes_on = messages[-1]["role"] == "assistant"
    how = {"tokenize": False, "add_generation_prompt": not goes_on, "continue_final_message": goes_on}
    text: str = processing_class.apply_chat_template(messages, **{**options, **how})
    return text


def with_texts(messages: Messages, where: str) -> Messages:
    """The messages with a content of text parts, [{"type": "text", "text": "..."}], put together.

    Raises:
        UserError: a part that is no text, such as an image.
    """
    return [
        {**message, "content": _joined(message["content"], where)}
        if isinstance(message.get("content"), list | tuple)
        else message
        for message in messages
    ]


def _joined(parts: Sequence[Any], where: str) -> str:
    for part in parts:
        if not isinstance(part, str) and not (isinstance(part, Mapping) and isinstance(part.get("text"), str)):
            kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
            raise UserError(f"{where}: a message holds a part of type {kind!r}, and the policy reads text alone")
    return "".join(part if isinstance(part, str) else part["text"] for part in parts)
