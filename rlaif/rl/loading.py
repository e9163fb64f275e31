"""What a user names or hands over, as models and a tokenizer."""

from __future__ import annotations

from os import PathLike
from typing import Any

import torch
from torch import nn

from rlaif.errors import UserError
from rlaif.models.adapters import first_line, is_adapter, load_adapter, require_whole, tokenizer_path


def as_module(model: Any, name: str, kind: str = "AutoModelForCausalLM") -> Any:
    """A model as it is, or loaded from a directory or the Hub in fp32; a compiled one without its compiler.

    Args:
        name: of the argument, for errors.

    Raises:
        UserError: nothing there, or something else than a model.
    """
    if isinstance(model, str | PathLike):
        return load_model(str(model), kind, name)
    if isinstance(model, type):
        raise UserError(f"{name}: {model.__name__} is a class: give a model, such as {model.__name__}.from_pretrained")
    if not isinstance(model, nn.Module):
        raise UserError(f"{name}: a {type(model).__name__} is no model: give a module, a directory or a Hub id")
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        raise UserError(f"{name}: give the model itself, model.module: what processes share is set up by the trainer")
    model = getattr(model, "_orig_mod", model)  # torch.compile's wrapper
    if not hasattr(model, "config") or not hasattr(model, "base_model_prefix"):
        raise UserError(f"{name}: a {type(model).__name__} is no model of transformers")
    return model


def load_model(path: str, kind: str, name: str = "model") -> Any:
    """From a directory or the Hub, in fp32; an adapter over the model that it names. UserError where there is none."""
    import transformers

    if is_adapter(path):
        return load_adapter(path)
    try:
        model, loading = getattr(transformers, kind).from_pretrained(
            path, dtype=torch.float32, output_loading_info=True
        )
        if kind == "AutoModelForCausalLM":
            require_whole(loading)
        return model
    except Exception as error:  # damaged files raise whatever their readers do
        raise UserError(f"{name} {path!r} cannot be loaded: {first_line(error)}") from None


def as_tokenizer(processing_class: Any, model: Any, policy: Any) -> Any:
    """The tokenizer: as it is, a processor's, or the one saved at a path, by default that of the model.

    Args:
        model: as the user named it or handed it over.
        policy: the model itself.

    Raises:
        UserError: nothing there, or something else than a tokenizer.
    """
    if processing_class is None:
        processing_class = str(model) if isinstance(model, str | PathLike) else policy.config._name_or_path
    if isinstance(processing_class, str | PathLike):
        return load_tokenizer(str(processing_class))
    if not hasattr(processing_class, "eos_token_id"):
        processing_class = getattr(processing_class, "tokenizer", processing_class)  # a processor's
    if not callable(processing_class) or not hasattr(processing_class, "eos_token_id"):
        raise UserError(
            f"processing_class: a {type(processing_class).__name__} is no tokenizer of transformers: give one, such as "
            "AutoTokenizer.from_pretrained, or PreTrainedTokenizerFast(tokenizer_object=...)"
        )
    return processing_class


def load_tokenizer(path: str | None) -> Any:
    """The tokenizer saved with a model, or with the model below an adapter; UserError where there is none."""
    from transformers import AutoTokenizer

    if not path:
        raise UserError("processing_class: the model was not loaded from a path, so give its tokenizer")
    try:
        return AutoTokenizer.from_pretrained(tokenizer_path(path))
    except Exception as error:  # damaged files raise whatever their readers do
        raise UserError(f"processing_class: no tokenizer is saved with {path!r}: {first_line(error)}") from None


def with_adapters(policy: Any, peft_config: Any) -> Any:
    """The policy with new adapters, which alone are trained; as it is where none are asked for.

    Raises:
        UserError: a model that has some already, or for which these cannot be made.
    """
    if peft_config is None:
        return policy
    import peft

    if not isinstance(peft_config, peft.PeftConfig):
        raise UserError(f"peft_config: a {type(peft_config).__name__}; give one of PEFT's, such as LoraConfig(r=16)")
    if hasattr(policy, "peft_config") or getattr(policy, "_hf_peft_config_loaded", False):
        raise UserError(
            "peft_config: the model has adapters already: leave it out to train those, or merge them first "
            "(model.merge_and_unload())"
        )
    try:
        return peft.get_peft_model(policy, peft_config)
    except (ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise UserError(f"peft_config: {first_line(error)}") from error
