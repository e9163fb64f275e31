"""A policy with adapters as one plain model that computes the same."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from rlaif.errors import UserError


def merge_adapters(model: Any) -> Any:
    """A copy of the model with its adapters merged into the weights; the given one stays as it is.

    PEFT merges into weights that modules share (a tied embedding and its head, layers that are replicated), so that
    what one adapter changes changes all of them. Here each module gets weights of its own first. A head that is then
    another than the embedding stays untied, in the saved config too.

    Raises:
        UserError: adapters that cannot be merged, such as prompts.
    """
    if not hasattr(model, "merge_and_unload"):
        raise UserError(f"adapters of {type(model).__name__} cannot be merged into the weights: save them alone")
    adapted = copy_module(model)
    was_tied = getattr(adapted.config.get_text_config(), "tie_word_embeddings", False)
    untie(adapted)
    try:
        plain = adapted.merge_and_unload()
    except (RuntimeError, NotImplementedError, ValueError) as error:
        raise UserError(f"adapters cannot be merged into the weights: {' '.join(str(error).split())}") from None
    if was_tied and embeds_as_its_head(plain):
        say_tied(plain, True)
        plain.tie_weights()
    return plain


def copy_module(module: Any) -> Any:
    """A deep copy, also of modules that keep results of operations, as PEFT does with tied adapters."""
    results = {id(one): one.detach().clone() for part in module.modules() for one in results_in(vars(part))}
    return copy.deepcopy(module, results)


def results_in(value: Any) -> Iterator[Tensor]:
    """Tensors in nested dictionaries that are no leaves of autograd's graph, which cannot be copied deeply."""
    if isinstance(value, Tensor):
        if not value.is_leaf:
            yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from results_in(one)


def untie(model: Any) -> None:
    """Give every module parameters of its own."""
    owned: set[int] = set()
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is None:
                continue
            if id(parameter) in owned:
                module._parameters[name] = parameter = nn.Parameter(parameter.detach().clone(), parameter.requires_grad)
            owned.add(id(parameter))
    say_tied(model, False)


def say_tied(model: Any, is_tied: bool) -> None:
    """Put into the config whether embedding and head are one weight."""
    for config in (model.config, model.config.get_text_config()):
        if hasattr(config, "tie_word_embeddings"):
            config.tie_word_embeddings = is_tied


def embeds_as_its_head(model: Any) -> bool:
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    return head is None or torch.equal(embedding.weight, head.weight)


def as_saved(model: Any) -> Any:
    """What a trained policy is saved as: adapters alone, where they are enough, else one plain model."""
    if hasattr(model, "merge_and_unload") and not adapters_are_all(model):
        return merge_adapters(model)
    return model


def adapters_are_all(model: Any) -> bool:
    """Whether the model's adapters, saved alone, hold all that its training changes, for the model below them.

    Not where other parameters are trained as well, nor where new adapters change the model below in a way that loading
    them does not find again.
    """
    from peft import get_peft_model_state_dict

    if any(str(getattr(one, "init_lora_weights", "")).startswith(FOUND_ONCE) for one in model.peft_config.values()):
        return False
    saved = {
        tensor.data_ptr()
        for name in model.peft_config
        for tensor in get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False).values()
        if isinstance(tensor, Tensor)
    }
    return all(one.data_ptr() in saved for one in model.parameters() if one.requires_grad)


FOUND_ONCE = ("pissa_niter", "corda", "lora_ga", "loftq")
"""Initialisations of LoRA that take a part of the model's weights, drawn at random or found from data."""
