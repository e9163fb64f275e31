"""Tokenizers in the manner of Llama's: ▁ for spaces, bytes for what has no piece, a decoder that drops one space."""

from __future__ import annotations

from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

PIECES = [
    "▁", "▁▁", "▁▁▁▁", "▁return", "return", "▁x", "x", "▁a", "a", "▁def", "def", "▁f", "f", "(", ")", ":", "b", "c",
    "e", "d", "r", "t", "u", "n", "0",
]  # fmt: skip
MERGES = [
    ("▁", "▁"), ("▁▁", "▁▁"), ("r", "e"), ("re", "t"), ("ret", "u"), ("retu", "r"), ("retur", "n"), ("▁", "return"),
    ("▁", "x"), ("▁", "a"), ("d", "e"), ("de", "f"), ("▁", "def"), ("▁", "f"),
]  # fmt: skip


def llama_like(*, legacy: bool = False, bos: bool = True, eos: bool = False, added: tuple[str, ...] = ()) -> Any:
    """BPE with byte fallback. `legacy`: a normalizer prepends ▁ (Llama 2's tokenizer.json), else Metaspace does.
    `bos`, `eos`: what the tokenizer puts around a text. `added`: special tokens that a user added."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *PIECES]
    tokens += [left + right for left, right in MERGES if left + right not in tokens]
    core = Tokenizer(
        models.BPE({token: id for id, token in enumerate(tokens)}, MERGES, unk_token="<unk>", fuse_unk=True,
                   byte_fallback=True)
    )  # fmt: skip
    if legacy:
        core.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    core.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    core.add_special_tokens(["<unk>", "<s>", "</s>"])
    core.post_processor = TemplateProcessing(
        single=" ".join([*["<s>"] * bos, "$A", *["</s>"] * eos]), special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    if added:
        tokenizer.add_special_tokens({"additional_special_tokens": [AddedToken(one) for one in added]})
    return tokenizer
