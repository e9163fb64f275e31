"""ROUGE of a completion's text against the reference's (Lin, 2004), by Google's rouge-score package."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer

RougeKind = Literal["rouge1", "rouge2", "rougeL"]

_ASCII_WORD = re.compile(r"[a-z0-9]+")
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9D))
_FIRST_SUPPLEMENTARY_IDEOGRAPH = 0x20000


class Rouge:
    """F1 scores; tokens are lower-case runs of letters and digits (`Words`), without stemming."""

    def __init__(self, *kinds: RougeKind) -> None:
        self.kinds: tuple[RougeKind, ...] = kinds or ("rougeL",)
        self._scorer = RougeScorer(list(self.kinds), tokenizer=Words())

    def score(self, text: str, reference: str) -> dict[RougeKind, float] | None:
        """F1 in [0, 1] by kind. An empty text scores 0; without a reference there is no score: None."""
        if not reference.strip():
            return None
        scores = self._scorer.score(reference, text)
        return {kind: float(scores[kind].fmeasure) for kind in self.kinds}


class Words(Tokenizer):  # type: ignore[misc]  # rouge_score has no types
    """The package's own tokens of a text in ASCII, so that scores compare with those of the literature.

    The package keeps a-z and 0-9 alone, and a text without them scores 0 against itself. Here other letters and digits
    count too: in runs, and each by itself in scripts that are written without spaces (Chinese, Japanese, Thai, ...); so
    does every symbol, such as an emoji.
    """

    def tokenize(self, text: str) -> list[str]:
        lower = text.lower()
        if lower.isascii():
            return _ASCII_WORD.findall(lower)
        words: list[str] = []
        in_word = False
        for character in unicodedata.normalize("NFC", lower):
            kind = unicodedata.category(character)
            if kind[0] not in "LNM" and (kind[0] != "S" or character.isascii()):
                in_word = False
                continue
            is_alone = kind[0] == "S" or _is_unspaced(character)
            if in_word and not is_alone:
                words[-1] += character
            else:
                words.append(character)
            in_word = not is_alone
        return words


def _is_unspaced(character: str) -> bool:
    code = ord(character)
    return code >= _FIRST_SUPPLEMENTARY_IDEOGRAPH or any(first <= code <= last for first, last in _UNSPACED)
