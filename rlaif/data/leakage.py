"""How much of the eval split stands in the training split already."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rlaif.records import Example

NEAR_DUPLICATE_JACCARD = 0.8

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Leakage:
    """Counts of eval examples, out of ``num_eval``."""

    eval_instructions_in_train: int
    """The instruction is also a training one, but for case and white space."""
    eval_near_duplicates: int
    """Besides those: the sets of words of the two have a Jaccard similarity of at least 0.8."""
    eval_api_calls_in_train: int
    """The reference's API call is also a training reference's, but for white space."""
    num_eval: int

    def describe(self) -> str:
        share = self.eval_api_calls_in_train / self.num_eval if self.num_eval else 0.0
        return (
            f"leakage: of {self.num_eval} eval examples, {self.eval_instructions_in_train} share their instruction with"
            f" a training example, {self.eval_near_duplicates} more nearly so (Jaccard >= {NEAR_DUPLICATE_JACCARD}), "
            f"{self.eval_api_calls_in_train} ({share:.1%}) share their API call"
        )


def measure_leakage(train: Sequence[Example], evaluation: Sequence[Example]) -> Leakage:
    """Compare the eval examples with all that training sees; validation belongs to it."""
    instructions = {_normalised(example.instruction) for example in train}
    api_calls = {"".join(example.api_call.split()) for example in train if example.api_call}
    new = [example for example in evaluation if _normalised(example.instruction) not in instructions]
    return Leakage(
        eval_instructions_in_train=len(evaluation) - len(new),
        eval_near_duplicates=_count_near_duplicates(instructions, [example.instruction for example in new]),
        eval_api_calls_in_train=sum("".join(example.api_call.split()) in api_calls for example in evaluation),
        num_eval=len(evaluation),
    )


def _normalised(instruction: str) -> str:
    return " ".join(instruction.lower().split())


def _count_near_duplicates(known: Iterable[str], queries: Iterable[str]) -> int:
    """How many queries have a near duplicate among the known texts.

    Prefix filtering (Chaudhuri et al., ICDE 2006): two sets with a Jaccard similarity of at
    least t share a word among the |x| - ceil(t |x|) + 1 rarest of each, so that an inverted
    index of these few is all that has to be looked at.
    """
    known_words = [frozenset(_WORD.findall(text.lower())) for text in known]
    frequency = Counter(word for words in known_words for word in words)

    def rarest(words: frozenset[str]) -> list[str]:
        length = len(words) - math.ceil(NEAR_DUPLICATE_JACCARD * len(words) - 1e-9) + 1
        return sorted(words, key=lambda word: (frequency[word], word))[:length] if words else []

    index: defaultdict[str, list[frozenset[str]]] = defaultdict(list)
    for words in known_words:
        for word in rarest(words):
            index[word].append(words)
    count = 0
    for query in queries:
        words = frozenset(_WORD.findall(query.lower()))
        candidates = (other for word in rarest(words) for other in index.get(word, ()))
        count += any(_jaccard(words, other) >= NEAR_DUPLICATE_JACCARD for other in candidates)
    return count


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
