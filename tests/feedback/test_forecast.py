"""What asking will take, before it, and what it took, after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from rlaif.config import QuestionsConfig
from rlaif.feedback import forecast as counting
from rlaif.feedback.budget import Prices, Spending
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.forecast import Forecast, forecast
from rlaif.feedback.rehearsal import rehearse
from rlaif.feedback.strategies import build_strategy
from rlaif.records import Example, Sample

Shipped = Callable[..., QuestionsConfig]


@pytest.fixture(autouse=True)
def no_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "table_of", lambda model: None)


def examples(example: Example) -> list[Example]:
    code = "import torch\nmodel = torch.hub.load('a/b', 'model{}')\nprint(model)"
    return [replace(example, id=f"e{n}", reference=f"<<<code>>>: {code.format(n)}") for n in range(120)]


@pytest.mark.parametrize(
    ("name", "options"),
    [("binary8", {}), ("binary8", {"together": True}), ("pairwise", {}), ("pairwise_cot", {}), ("direct_score", {})],
)
def test_a_rehearsal_asks_what_judging_asks(
    name: str, options: dict[str, object], shipped: Shipped, example: Example
) -> None:
    strategy = build_strategy(shipped(name, **options), 1)
    requests, num_examples = rehearse(strategy, examples(example), num_samples=3)
    assert num_examples == 50
    assert len(requests) == 50 * strategy.max_requests(3)
    asked: list[Request] = []

    def ask(sent: Sequence[Request]) -> list[Reply | None]:
        asked.extend(sent)
        return [Reply(("x" * 4 * one.max_tokens,)) if one.expects == "text" else Reply(("yes",)) for one in sent]

    texts = [one.reference for one in examples(example)[:3]]
    samples = [Sample(f"s{n}", "e1", f"{text}  # {n}", "sft", 0, "stop") for n, text in enumerate(texts)]
    strategy.judge(samples, {"e1": example}, ask)
    expected = forecast(requests, "openai:m", Prices(1.0, 2.0), None).times(1 / num_examples)
    found = forecast(asked, "openai:m", Prices(1.0, 2.0), None)
    assert found.num_calls == expected.num_calls
    assert expected.cost == pytest.approx(found.cost, rel=0.1)
    assert "4 characters a token" in expected.counted_by


def test_claims_are_at_most_their_limit(shipped: Shipped, example: Example) -> None:
    strategy = build_strategy(shipped("claims"), 1)
    requests, num_examples = rehearse(strategy, examples(example), num_samples=2)
    # an import, and what the one call calls, with what, and what for
    assert len(requests) == num_examples * 2 * 4 < num_examples * strategy.max_requests(2)


def test_forecasts_add_up() -> None:
    one = Forecast(10, 1000, 20, 0.5, "tiktoken")
    assert one.times(2.5) == Forecast(25, 2500, 50, 1.25, "tiktoken")
    assert one.plus(one) == one.times(2)
    assert one.line() == "forecast: 10 calls, 1,000 + 20 tokens (tiktoken), $0.5000"


def test_spending_is_told_by_purpose_and_by_cause() -> None:
    spending = Spending()
    assert spending.figures() == {}
    spending.sums["parses", "answered"].add(100, 2, 0.25)
    spending.sums["runs", "answered"].add(50, 1, 0.125)
    spending.sums["runs", "time-out"].add(60, 8, 0.5)
    spending.models["m-1"] += 1
    figures = spending.figures()
    assert (figures["sent/calls"], figures["sent/input_tokens"], figures["sent/cost"]) == (3, 210, 0.875)
    assert (figures["sent/purpose/runs/calls"], figures["sent/purpose/runs/cost"]) == (2, 0.625)
    assert (figures["sent/cause/answered/output_tokens"], figures["sent/cause/time-out/cost"]) == (3, 0.5)
    assert spending.line() == (
        "sent: 3 calls, 210 + 11 tokens, $0.8750; by cause: answered 2 ($0.3750), time-out 1 ($0.5000); answered by m-1"
    )
    spending.models["m-2"] += 1
    assert spending.line().endswith("answered by m-1, m-2: the model behind the name has changed")
