"""What judging will ask, before there is anything to judge: a strategy run on references in the samples' place."""

from __future__ import annotations

from collections.abc import Sequence

from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.forecast import CHARS_A_TOKEN
from rlaif.feedback.pairs import reference_sample
from rlaif.feedback.strategies import Strategy
from rlaif.records import Example, Sample

NUM_EXAMPLES = 50
"""So many, evenly spread, stand for all."""


def rehearse(strategy: Strategy, examples: Sequence[Example], num_samples: int) -> tuple[list[Request], int]:
    """(requests, number of examples that they are about), with `num_samples` samples of each example.

    The references of other examples stand for its samples, and for a text that is to come, as many characters as it
    may have tokens. Nothing is sent.
    """
    shown = examples[:: max(1, len(examples) // NUM_EXAMPLES)][:NUM_EXAMPLES]
    texts = [reference_sample(example).text for example in examples]
    samples = [
        Sample(f"{example.id}/{number}", example.id, texts[(at + number) % len(texts)], "reference", 0, "stop")
        for at, example in enumerate(shown)
        for number in range(num_samples)
    ]
    requests: list[Request] = []

    def ask(asked: Sequence[Request]) -> list[Reply | None]:
        requests.extend(asked)
        return [_stand_in(request) for request in asked]

    strategy.judge(samples, {example.id: example for example in shown}, ask)
    return requests, len(shown)


def _stand_in(request: Request) -> Reply:
    text = "x" * int(CHARS_A_TOKEN * request.max_tokens) if request.expects == "text" else request.words[0]
    return Reply((text,) * request.num_samples)
