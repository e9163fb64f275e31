"""A folder that holds an adapter, not a model: PEFT's, over the model that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from rlaif.errors import UserError

CONFIG = "adapter_config.json"
TOKENIZERS = ("tokenizer_config.json", "tokenizer.json", "tokenizer.model")


def is_adapter(path: str) -> bool:
    """Whether a directory holds an adapter alone."""
    return (Path(path) / CONFIG).is_file() and not (Path(path) / "config.json").is_file()


def base_of(path: str) -> str:
    """The directory or Hub id of the model below an adapter; UserError where the adapter names none."""
    import peft

    try:
        base = peft.PeftConfig.from_pretrained(path).base_model_name_or_path
    except Exception as error:  # damaged files raise whatever their readers do
        raise UserError(f"{path}: its {CONFIG} cannot be read: {first_line(error)}") from None
    if not base:
        raise UserError(f"{path}: its {CONFIG} names no base model: load that, and give PeftModel.from_pretrained(...)")
    return str(base)


def tokenizer_path(path: str) -> str:
    """Where a model's tokenizer is: with it, or with the model below an adapter that was saved without one."""
    if not is_adapter(path) or any((Path(path) / name).is_file() for name in TOKENIZERS):
        return path
    return base_of(path)


def load_adapter(path: str) -> Any:
    """PEFT's model of the adapter and the causal language model that it names, in fp32; the adapter is trained.

    Raises:
        UserError: a base that is not there, or an adapter that does not fit it.
    """
    import peft

    base = base_of(path)
    try:
        return peft.AutoPeftModelForCausalLM.from_pretrained(path, is_trainable=True, dtype=torch.float32)
    except Exception as error:  # damaged files raise whatever their readers do
        raise UserError(f"{path} is an adapter of {base}, which cannot be loaded: {first_line(error)}") from None


def require_whole(loading: dict[str, Any]) -> None:
    """ValueError where weights of the model are not in its files, and would be drawn at random, such as a head's."""
    missing = sorted(loading["missing_keys"])
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(f"its files lack {', '.join(missing[:3])}{more}, so it is another kind of model, or not whole")


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
