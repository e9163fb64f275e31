"""What PPO needs of a policy, its tokenizer, its reference and its critic, each with its own reason where it is not so.

Looked at when the trainer is made, before anything is moved to a device or sampled.
"""

from __future__ import annotations

import logging
import tempfile
from typing import Any

from torch import nn

from rlaif.errors import UserError
from rlaif.models.causal import require_one_stack
from rlaif.models.merging import adapters_are_all
from rlaif.models.stop_tokens import eos_of
from rlaif.models.texts import num_tokens
from rlaif.models.trunk import unwrapped

logger = logging.getLogger(__name__)

PADDED_TO = 64
"""Vocabularies are filled up to multiples of this; what is beyond the tokenizer's tokens has no meaning."""


def require_policy(policy: Any, tokenizer: Any) -> None:
    """UserError for a model that PPO cannot train, or a tokenizer that is not its own."""
    require_language_model(policy, "model")
    if getattr(unwrapped(policy), "is_quantized", False) and not hasattr(policy, "peft_config"):
        raise UserError(
            "model: its weights are quantized and cannot be trained: give peft_config, or load it without "
            "quantization (of GGUF files: GgufConfig(dequantize=True))"
        )
    require_tokenizer(tokenizer, policy)


def require_reference(ref_model: Any, policy: Any, tokenizer: Any) -> None:
    """UserError for a model that the policy cannot be compared with."""
    require_language_model(ref_model, "ref_model")
    require_like_vocabulary(ref_model, policy, tokenizer, "ref_model")


def require_critic(value_model: Any, policy: Any, tokenizer: Any) -> None:
    """UserError for a model that cannot read what the policy writes, token after token."""
    if {id(one) for one in value_model.parameters()} & {id(one) for one in policy.parameters()}:
        raise UserError(
            "value_model has weights of the model: give a copy, or leave it out for a value head on the model's trunk"
        )
    require_weights(value_model, "value_model")
    require_one_stack(value_model, "value_model")
    require_plain_prompts(value_model, "value_model")
    require_like_vocabulary(value_model, policy, tokenizer, "value_model")


def require_language_model(model: Any, name: str) -> None:
    """UserError for what has no head to tell the next token with, or is in pieces that PPO does not know of."""
    require_weights(model, name)
    require_one_stack(model, name)
    require_plain_prompts(model, name)
    if unwrapped(model).get_output_embeddings() is None:
        raise UserError(
            f"{name}: a {type(unwrapped(model)).__name__} has no language-modelling head: load it with "
            "AutoModelForCausalLM"
        )


def require_weights(model: Any, name: str) -> None:
    if any(parameter.is_meta for parameter in model.parameters()):
        raise UserError(
            f"{name}: some of its weights are on the meta device, so they have no values: load it with "
            "from_pretrained and without device_map"
        )


def require_plain_prompts(model: Any, name: str) -> None:
    """UserError for adapters that put virtual tokens before the prompt."""
    configs = getattr(model, "peft_config", None)
    for config in configs.values() if isinstance(configs, dict) else ():
        if getattr(config, "is_prompt_learning", False):
            kind = str(getattr(config.peft_type, "value", config.peft_type)).lower().replace("_", " ")
            raise UserError(
                f"{name}: {kind} puts virtual tokens before the prompt, which neither the sampler's positions nor its "
                "cache know of: use adapters within the layers, such as LoRA"
            )


def require_tokenizer(tokenizer: Any, policy: Any) -> None:
    """UserError for a tokenizer without EOS, or with tokens that the model does not have."""
    eos, size, num_embeddings = eos_of(tokenizer), num_tokens(tokenizer), vocabulary_of(policy)
    if num_embeddings is not None and max(size, eos + 1) > num_embeddings:
        raise UserError(
            f"processing_class: the tokenizer has {size} tokens, and the model {num_embeddings} embeddings: give the "
            "model's own tokenizer, or call model.resize_token_embeddings(len(tokenizer))"
        )


def require_like_vocabulary(model: Any, policy: Any, tokenizer: Any, name: str) -> None:
    """UserError where a token is not the same token for both, as far as sizes tell."""
    size, policys = vocabulary_of(model), vocabulary_of(policy)
    if size is None or policys is None or size == policys:
        return
    are_filled_up = size % PADDED_TO == policys % PADDED_TO == 0 and min(size, policys) >= len(tokenizer)
    if not are_filled_up:
        raise UserError(f"{name} has a vocabulary of {size} tokens, and the model one of {policys}: they have to agree")


def vocabulary_of(model: Any) -> int | None:
    config = unwrapped(model).config
    text_config = config.get_text_config() if hasattr(config, "get_text_config") else config
    size: int | None = getattr(text_config, "vocab_size", None)
    return size


def require_trainable(policy: nn.Module) -> None:
    """UserError where every parameter is frozen."""
    if any(one.requires_grad for one in policy.parameters()):
        return
    if hasattr(policy, "peft_config"):
        raise UserError(
            "model: its adapters are frozen, so there is nothing to train: PeftModel.from_pretrained(..., "
            "is_trainable=True), or model.set_adapter(...)"
        )
    raise UserError("model: all its parameters are frozen (requires_grad), so there is nothing to train")


def require_saveable(policy: Any) -> None:
    """UserError for a model whose configs transformers refuses to write, when all else is trained."""
    if hasattr(policy, "merge_and_unload") and adapters_are_all(policy):
        return
    if getattr(policy, "generation_config", None) is None and policy.can_generate():
        raise UserError("model.generation_config is None, and the model cannot be saved: give it a GenerationConfig()")
    ways_out = {"generation_config": ", such as model.generation_config.do_sample = True", "config": ""}
    with tempfile.TemporaryDirectory() as directory:
        for name, way_out in ways_out.items():
            settings = getattr(policy, name, None)
            try:
                if settings is not None:
                    settings.save_pretrained(directory)
            except (ValueError, TypeError) as error:
                reason = " ".join(str(error).split())[:300]
                raise UserError(
                    f"model.{name} cannot be saved, and the model with it: set it right{way_out} ({reason})"
                ) from None


def look_at_saving(policy: Any, *, is_sharded: bool) -> None:
    """Say that a model with adapters is going to be saved whole. UserError where its weights are cut, and cannot be."""
    if not hasattr(policy, "merge_and_unload") or adapters_are_all(policy):
        return
    if is_sharded:
        raise UserError(
            "model: more is trained than its adapters hold, which FSDP2's pieces cannot be saved with: train the "
            "adapters alone (modules_to_save is one), or all of the weights"
        )
    logger.warning("more is trained than the adapters hold: the model is saved whole, with the adapters merged in")


def require_apart(ref_model: nn.Module, policy: nn.Module) -> None:
    """UserError where what is trained is the reference's as well, such as the model that PEFT's wrapper is around."""
    trained = {id(one) for one in policy.parameters() if one.requires_grad}
    if any(id(one) in trained for one in ref_model.parameters()):
        raise UserError("ref_model has weights of the model that are trained: give a copy, or leave it out")
