"""Repositories of sentence-transformers: a tiny encoder, and the modules that make one vector of its outputs."""

from __future__ import annotations

import json
from pathlib import Path

from .recipes import Recipe
from .tokenization import TokenizerWriter
from .transformers_models import build_model


def build_sentence_encoder(recipe: Recipe, tokenizers: TokenizerWriter, folder: Path) -> None:
    """Write the encoder's files, and the pooling (the mean over the tokens) behind it."""
    build_model(recipe, tokenizers, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    width = next(config[name] for name in ("hidden_size", "d_model", "dim") if name in config)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    pooling = {"word_embedding_dimension": width, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    versions = {"__version__": {"sentence_transformers": "2.0.0", "transformers": "4.6.1", "pytorch": "1.8.1"}}
    (folder / "1_Pooling").mkdir()
    for path, content in (
        ("modules.json", modules),
        ("1_Pooling/config.json", pooling),
        ("sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False}),
        ("config_sentence_transformers.json", versions),
    ):
        (folder / path).write_text(json.dumps(content, indent=1), encoding="utf-8")
