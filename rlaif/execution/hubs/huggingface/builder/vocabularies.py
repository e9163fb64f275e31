"""Small vocabularies of every kind, learnt from the interpreter's own documentation.

Each is made once a process and kept in a folder; that text comes with Python, so that the
same interpreter always learns the same.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from pydoc_data import topics

import sentencepiece
from tokenizers import ByteLevelBPETokenizer
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

CORPUS_CHARS = 450_000
WORDPIECE_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[EMPTY]", "[DEC]", "[ENC]", "[NEWLINE]")
BPE_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]")
SPEECH_CHARACTERS = "|ETAONIHSRDLUMWCFGYPBVK'XJQZ"


class Vocabularies:
    """Files of vocabularies, made in ``folder`` when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def wordpiece(self) -> Path:
        """A vocab.txt as BERT's: every word of the corpus that is common, all characters, and their continuations."""
        path = self._folder / "vocab.txt"
        if not path.exists():
            characters = [chr(code) for code in range(33, 127)] + [chr(code) for code in range(0xC0, 0x180)]
            tokens = [*WORDPIECE_SPECIAL, *characters, *(f"##{character}" for character in characters), *_words(3000)]
            path.write_text("\n".join(dict.fromkeys(tokens)) + "\n", encoding="utf-8")
        return path

    def byte_bpe(self) -> tuple[Path, Path]:
        """vocab.json and merges.txt over bytes, as GPT-2's."""
        folder = self._folder / "byte_bpe"
        if not folder.exists():
            tokenizer = ByteLevelBPETokenizer()
            tokenizer.train_from_iterator(_corpus().splitlines(), vocab_size=4000, special_tokens=list(BPE_SPECIAL))
            folder.mkdir()
            tokenizer.save_model(str(folder))
        return folder / "vocab.json", folder / "merges.txt"

    def clip_bpe(self) -> tuple[Path, Path]:
        """vocab.json and merges.txt with a mark at a word's end, as CLIP's."""
        return self._marked_bpe(
            "clip_bpe", list(bytes_to_unicode().values()), "</w>", ("<|startoftext|>", "<|endoftext|>")
        )

    def word_end_bpe(self) -> tuple[Path, Path]:
        """As CLIP's, over characters, with the special tokens of the first GPT and of CTRL."""
        return self._marked_bpe("word_end_bpe", _CHARACTERS, "</w>", ("<unk>", "<pad>", "</s>", "<s>"))

    def continued_bpe(self) -> tuple[Path, Path]:
        """vocab.json and merges.txt where all but a word's last piece are marked with @@, as the small Blenderbot's."""
        folder = self._folder / "continued_bpe"
        special = ("__null__", "__start__", "__end__", "__unk__", "__newln__")
        if not folder.exists():
            folder.mkdir()
            tokens = [*special, *_CHARACTERS, *(f"{character}@@" for character in _CHARACTERS)]
            _write_vocabulary(folder / "vocab.json", tokens)
            (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
        return folder / "vocab.json", folder / "merges.txt"

    def counted_bpe(self) -> tuple[Path, Path]:
        """vocab.txt and bpe.codes with counts, as fairseq's dictionaries (PhoBERT, BERTweet)."""
        folder = self._folder / "counted_bpe"
        if not folder.exists():
            folder.mkdir()
            tokens = [*_CHARACTERS, *(f"{character}@@" for character in _CHARACTERS)]
            (folder / "vocab.txt").write_text("".join(f"{token} 1\n" for token in tokens), encoding="utf-8")
            (folder / "bpe.codes").write_text("t h 2\nth e</w> 1\n", encoding="utf-8")
        return folder / "vocab.txt", folder / "bpe.codes"

    def _marked_bpe(self, name: str, characters: list[str], mark: str, special: tuple[str, ...]) -> tuple[Path, Path]:
        folder = self._folder / name
        if not folder.exists():
            folder.mkdir()
            _marked_bpe_files(folder, characters, mark, special)
        return folder / "vocab.json", folder / "merges.txt"

    def pieces(self, kind: str) -> Path:
        """A SentencePiece model with the special tokens in a family's order: t5, fairseq, albert, speech, llama."""
        path = self._folder / f"{kind}.model"
        if not path.exists():
            characters = kind == "speech"
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(_corpus().splitlines()),
                model_prefix=str(path.with_suffix("")),
                model_type="char" if characters else "unigram",
                vocab_size=120 if characters else 2000,
                hard_vocab_limit=False,
                minloglevel=2,
                num_threads=1,
                **_PIECE_OPTIONS[kind],
            )
        return path


_CHARACTERS = [chr(code) for code in range(33, 127)] + [chr(code) for code in range(0xC0, 0x180)]
_PIECE_OPTIONS: dict[str, dict[str, object]] = {
    "t5": {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1},
    "fairseq": {"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1},
    "llama": {"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1, "byte_fallback": True},
    "albert": {
        "pad_id": 0,
        "unk_id": 1,
        "bos_id": 2,
        "eos_id": 3,
        "user_defined_symbols": ["[CLS]", "[SEP]", "[MASK]"],
    },
    "speech": {"bos_id": 0, "pad_id": 1, "eos_id": 2, "unk_id": 3},
}


def piece_names(path: Path) -> list[str]:
    """The pieces of a SentencePiece model, in the order of their ids."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return [model.id_to_piece(index) for index in range(model.get_piece_size())]


def _marked_bpe_files(folder: Path, characters: list[str], mark: str, special: tuple[str, ...]) -> None:
    merges = [("t", "h"), ("th", f"e{mark}"), ("a", "n"), ("an", f"d{mark}"), ("i", f"n{mark}"), ("o", f"f{mark}")]
    tokens = [*characters, *(character + mark for character in characters), *(a + b for a, b in merges), *special]
    _write_vocabulary(folder / "vocab.json", tokens)
    lines = "".join(f"{first} {second}\n" for first, second in merges)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{lines}", encoding="utf-8")


def _write_vocabulary(path: Path, tokens: list[str]) -> None:
    numbered = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    path.write_text(json.dumps(numbered, ensure_ascii=False), encoding="utf-8")


@cache
def _corpus() -> str:
    text = "\n".join(topics.topics[name] for name in sorted(topics.topics))
    lines = (line.strip()[:300] for line in text.splitlines())
    printable = "".join(chr(code) + " " for code in range(33, 127))
    return "\n".join(line for line in lines if len(line) > 20)[:CORPUS_CHARS] + f"\n{printable}\n"


def _words(number: int) -> list[str]:
    counts: dict[str, int] = {}
    for word in re.findall(r"[a-z]{2,}", _corpus().lower()):
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts, key=lambda word: (-counts[word], word))[:number]
