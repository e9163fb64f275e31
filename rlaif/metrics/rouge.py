"""ROUGE of a completion's text against the reference's (Lin, 2004), by Google's rouge-score package."""

from __future__ import annotations

from typing import Literal

from rouge_score.rouge_scorer import RougeScorer

RougeKind = Literal["rouge1", "rouge2", "rougeL"]


class Rouge:
    """F1 scores; tokens are lower-case runs of letters and digits, without stemming."""

    def __init__(self, *kinds: RougeKind) -> None:
        self.kinds: tuple[RougeKind, ...] = kinds or ("rougeL",)
        self._scorer = RougeScorer(list(self.kinds), use_stemmer=False)

    def score(self, text: str, reference: str) -> dict[RougeKind, float] | None:
        """F1 in [0, 1] by kind. An empty text scores 0; without a reference there is no score: None."""
        if not reference.strip():
            return None
        scores = self._scorer.score(reference, text)
        return {kind: float(scores[kind].fmeasure) for kind in self.kinds}
