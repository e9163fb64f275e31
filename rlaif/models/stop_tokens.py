"""Which tokens end a completion: the one place that decides it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from rlaif.errors import UserError
from rlaif.models.trunk import unwrapped


def stop_token_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokenizer's EOS, and all that the model's generation config and its config name.

    A chat model ends its turn with another token than a text, and names both: `eos_token_id=[2, 7]`. The id that a
    config has because its class does, such as Llama's 2, counts only where the tokenizer has a special token there.

    Raises:
        UserError: a tokenizer without EOS.
    """
    eos_of(tokenizer)
    return named_stop_ids(model, tokenizer)


def named_stop_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """`stop_token_ids`, also of a tokenizer without EOS; where nobody names one there are none."""
    stated = {*as_ids(tokenizer.eos_token_id)}
    inner = unwrapped(model)
    for config in configs_of(inner):
        ids = as_ids(config.eos_token_id)
        if ids == as_ids(class_default(inner, config)):
            ids = frozenset(id for id in ids if is_special(tokenizer, id))
        stated |= ids
    return frozenset(stated)


def eos_of(tokenizer: Any) -> int:
    """The token that training texts end with; UserError for a tokenizer without EOS."""
    if tokenizer.eos_token_id is None:
        raise UserError("the tokenizer has no EOS token: set tokenizer.eos_token, a completion must be able to end")
    return int(tokenizer.eos_token_id)


def as_ids(eos_token_id: int | Collection[int] | None) -> frozenset[int]:
    """transformers' `eos_token_id`, an id, several or none, as a set."""
    if eos_token_id is None:
        return frozenset()
    if isinstance(eos_token_id, Collection):
        return frozenset(int(id) for id in eos_token_id)
    return frozenset({int(eos_token_id)})


def configs_of(model: Any) -> Iterator[Any]:
    """The model's configs that name what ends a text."""
    config: Any = getattr(model, "config", None)
    text_config = config.get_text_config() if hasattr(config, "get_text_config") else None
    for one in (getattr(model, "generation_config", None), config, text_config):
        if getattr(one, "eos_token_id", None) is not None:
            yield one


def class_default(model: Any, config: Any) -> Any:
    """The `eos_token_id` that nobody chose; a generation config made from a model's config takes it over."""
    if config is not getattr(model, "generation_config", None):
        return getattr(type(config), "eos_token_id", None)
    if not getattr(config, "_from_model_config", False):
        return None
    return getattr(type(model.config), "eos_token_id", None)


def is_special(tokenizer: Any, id: int) -> bool:
    added = getattr(tokenizer, "added_tokens_decoder", {}).get(id)
    return added is not None and bool(added.special)
