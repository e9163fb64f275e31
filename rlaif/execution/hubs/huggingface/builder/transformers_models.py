"""Tiny models of transformers, with the tokenizer and the processors that belong to them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import safetensors.torch
import transformers
from transformers import PretrainedConfig

from .configs import MAX_NEW_LENGTH, MAX_TEXT_LENGTH, fit_tokenizer
from .generation import end_long_texts
from .processors import square_image_processor, write_processors
from .recipes import Recipe, task_files
from .shrinking import shrink
from .tokenization import TokenizerWriter, tokenizer_class

_SPEECH_TYPES = ("wav2vec2", "hubert", "wavlm", "unispeech-sat", "data2vec-audio")
_NEEDS_ANOTHER_PACKAGE = ("layoutlmv2",)
"""Architectures that cannot be made without a package beyond those of the environment (detectron2)."""


def build_model(recipe: Recipe, tokenizers: TokenizerWriter, folder: Path) -> None:
    """Write the files of a model with one config."""
    config, model_type = recipe.config, recipe.model_type
    if config is None:
        raise ValueError(f"{recipe.name} has no config")
    tokenizer = _write_tokenizer(recipe, config, tokenizers, folder)
    write_processors(model_type, config, tokenizer, folder)
    config.architectures = [recipe.class_name]
    if model_type in _NEEDS_ANOTHER_PACKAGE:
        config.save_pretrained(folder)
        safetensors.torch.save_file({}, folder / "model.safetensors", metadata={"format": "pt"})
        return
    save_model(getattr(transformers, recipe.class_name)(config), folder)
    if (folder / "generation_config.json").exists() and model_type == "whisper":
        _write_whisper_generation(tokenizer, folder, is_multilingual=not recipe.name.endswith(".en"))


def save_model(model: Any, folder: Path) -> None:
    """Save weights and config, with a generation config whose token ids the vocabulary has."""
    generation = getattr(model, "generation_config", None)
    if generation is not None:
        text = getattr(model.config, "decoder", None) or getattr(model.config, "text_config", None) or model.config
        size = getattr(text, "vocab_size", None)
        for name, value in list(vars(generation).items()):
            if name.endswith("token_id") and isinstance(value, int) and size is not None and value >= size:
                setattr(generation, name, None)
        if not model.config.is_encoder_decoder:  # the prompt counts too
            generation.max_length = MAX_TEXT_LENGTH
        elif generation.max_length > MAX_NEW_LENGTH:
            generation.max_length = MAX_NEW_LENGTH
        end_long_texts(model.config, generation)
    model.save_pretrained(folder, safe_serialization=True)


def build_composite(recipe: Recipe, tokenizers: TokenizerWriter, folder: Path) -> None:
    """Write a model of an encoder and a decoder that are architectures of their own."""
    if recipe.model_type == "encoder-decoder":
        encoder, decoder = (shrink(transformers.BertConfig(**extra)) for extra in ({}, _DECODER))
        config_type = transformers.EncoderDecoderConfig
    else:
        encoder, decoder = _vision_parts(recipe.name)
        config_type = transformers.VisionEncoderDecoderConfig
    num_tokens = tokenizers.write(recipe.model_type, recipe.name, folder) or 0
    tokenizer = _load_tokenizer(recipe, folder)
    config = config_type.from_encoder_decoder_configs(encoder, decoder)
    for part in (config.encoder, config.decoder) if recipe.model_type == "encoder-decoder" else (config.decoder,):
        fit_tokenizer(part, tokenizer, num_tokens)
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.cls_token_id
    config.decoder_start_token_id = start or 0
    config.eos_token_id = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
    config.pad_token_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else config.eos_token_id
    config.vocab_size = num_tokens
    config.max_length = config.decoder.max_length = 20
    save_model(getattr(transformers, recipe.class_name)(config), folder)
    if recipe.model_type == "vision-encoder-decoder":
        _write_vision_processor(recipe.name, tokenizer, folder)


_DECODER = {"is_decoder": True, "add_cross_attention": True}


def _vision_parts(name: str) -> tuple[PretrainedConfig, PretrainedConfig]:
    lowered = name.lower()
    if "donut" in lowered:
        encoder = shrink(transformers.DonutSwinConfig(image_size=[224, 224]))
        encoder.hidden_size = encoder.embed_dim * 2 ** (len(encoder.depths) - 1)
        return encoder, shrink(transformers.MBartConfig(max_position_embeddings=1536, **_DECODER))
    if "vit-gpt2" in lowered:
        return shrink(transformers.ViTConfig()), shrink(transformers.GPT2Config(**_DECODER))
    if "manga-ocr" in lowered:
        return shrink(transformers.ViTConfig()), shrink(transformers.BertConfig(**_DECODER))
    return shrink(transformers.ViTConfig(image_size=384)), shrink(transformers.TrOCRConfig(**_DECODER))


def _write_vision_processor(name: str, tokenizer: Any, folder: Path) -> None:
    lowered = name.lower()
    if "donut" in lowered:
        images = square_image_processor("DonutImageProcessor", 224)
        tokenizer.add_special_tokens({"additional_special_tokens": ["<s_docvqa>", "<s_question>", "<s_answer>"]})
        transformers.DonutProcessor(images, tokenizer).save_pretrained(folder)
    elif "trocr" in lowered:
        images = square_image_processor("ViTImageProcessor", 384)
        transformers.TrOCRProcessor(images, tokenizer).save_pretrained(folder)
    else:
        square_image_processor("ViTImageProcessor", 224).save_pretrained(folder)


def _write_tokenizer(recipe: Recipe, config: PretrainedConfig, tokenizers: TokenizerWriter, folder: Path) -> Any:
    """Write the tokenizer, fit the config to it, and give it back; None where the repository has none."""
    if recipe.model_type in _SPEECH_TYPES and not task_files(recipe.task):
        return None
    num_tokens = tokenizers.write(recipe.model_type, recipe.name, folder)
    if num_tokens is None:
        return None
    config.save_pretrained(folder)  # the auto classes look for it
    tokenizer = _load_tokenizer(recipe, folder)
    fit_tokenizer(config, tokenizer, max(num_tokens, len(tokenizer)))
    return tokenizer


def _load_tokenizer(recipe: Recipe, folder: Path) -> Any:
    name = tokenizer_class(recipe.model_type, recipe.name) or ""
    fast = getattr(transformers, f"{name}Fast", None)
    if fast is not None and (folder / "tokenizer.json").exists():
        return fast.from_pretrained(folder)
    if name in ("GPTNeoXTokenizerFast", "BloomTokenizerFast"):
        return getattr(transformers, name).from_pretrained(folder)
    return getattr(transformers, name).from_pretrained(folder)


def _write_whisper_generation(tokenizer: Any, folder: Path, is_multilingual: bool) -> None:
    """What Whisper's generation needs to know of its special tokens."""
    tokens = tokenizer.get_vocab()
    path = folder / "generation_config.json"
    generation = json.loads(path.read_text(encoding="utf-8")) | {
        "decoder_start_token_id": tokens["<|startoftranscript|>"],
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.eos_token_id,
        "no_timestamps_token_id": tokens["<|notimestamps|>"],
        "prev_sot_token_id": tokens["<|startofprev|>"],
        "is_multilingual": is_multilingual,
        "max_initial_timestamp_index": 50,
        "max_length": MAX_NEW_LENGTH,
    }
    if is_multilingual:
        languages = {token: number for token, number in tokens.items() if re.fullmatch(r"<\|[a-z]{2,3}\|>", token)}
        generation |= {"lang_to_id": languages}
        generation |= {"task_to_id": {task: tokens[f"<|{task}|>"] for task in ("transcribe", "translate")}}
    path.write_text(json.dumps(generation, indent=1), encoding="utf-8")
