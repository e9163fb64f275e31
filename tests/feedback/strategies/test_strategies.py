"""Every strategy against judges that are simple enough to check: what is asked, and what comes of the replies."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from rlaif.config import PairConfig, PairRule, QuestionsConfig
from rlaif.data.thought import CUT_OFF
from rlaif.feedback.exchange import Reply, Request, TokenLogprobs
from rlaif.feedback.judge import UNANSWERED
from rlaif.feedback.order_bias import bias_line, order_figures
from rlaif.feedback.pairs import balance_lengths, make_pairs, pairs_from_preferences
from rlaif.feedback.reading import NO_REPLY, Reading
from rlaif.feedback.strategies import Judgement, build_strategy, strategy_names
from rlaif.feedback.strategies.claims import DIVIDED_BY_CODE
from rlaif.feedback.strategies.strategy import answer_of
from rlaif.records import Example, Label, Pair, Preference, Sample, to_json

Shipped = Callable[..., QuestionsConfig]
CODE = "import torch\nmodel = torch.hub.load('a/b', 'c')\nprint(model)"


class Model:
    """Answers by a function of the user's message; remembers what it was asked."""

    def __init__(self, answer: Callable[[Request], Reply | None]) -> None:
        self.answer, self.calls = answer, []  # type: ignore[var-annotated]

    def ask(self, requests: Sequence[Request]) -> list[Reply | None]:
        self.calls.append(list(requests))
        return [self.answer(request) for request in requests]

    @property
    def asked(self) -> list[Request]:
        return [request for call in self.calls for request in call]


def samples_of(*texts: str) -> list[Sample]:
    return [Sample(f"s{n}", "e1", f"<<<code>>>: {text}", "sft", 0, "stop") for n, text in enumerate(texts, 1)]


def judged(config: QuestionsConfig, model: Model, example: Example, *texts: str, min_valid: int = 1) -> Judgement:
    return build_strategy(config, min_valid).judge(samples_of(*texts), {"e1": example}, model.ask)


def weighed(**top: float) -> Reply:
    first = max(top, key=top.__getitem__)
    return Reply((first,), (TokenLogprobs(first, tuple((word, math.log(p)) for word, p in top.items())),), model="m")


def test_the_strategies_that_are_shipped() -> None:
    assert strategy_names() == ["binary", "claims", "direct_score", "pairwise", "pairwise_cot"]


def test_binary_asks_each_question_about_each_sample(shipped: Shipped, example: Example) -> None:
    model = Model(lambda request: weighed(yes=0.8, no=0.2) if request.purpose == "runs" else weighed(yes=0.3, no=0.1))
    judgement = judged(shipped("binary8"), model, example, "a = 1", "b = 2")
    assert len(model.asked) == 16 == build_strategy(shipped("binary8"), 1).max_requests(2)
    first = model.asked[0]
    assert (first.expects, first.temperature, first.purpose, first.messages[0][0]) == (
        "yes_no",
        0.0,
        "parses",
        "system",
    )
    assert '{"code": "a = 1"}' in first.messages[1][1]
    by_id = {answer.question_id: answer for answer in judgement.answers if answer.sample_id == "s1"}
    assert by_id["runs"].p_yes == pytest.approx(0.8)
    assert by_id["parses"].p_yes == pytest.approx(0.75)
    assert (by_id["parses"].judge, by_id["parses"].source) == ("m", "logprobs")
    assert judgement.labels[0].score == pytest.approx((2 * 0.8 + 8 * 0.75) / 10)  # runs and api_fits_task weigh 2


@pytest.mark.parametrize(
    ("name", "options"),
    [("binary8", {}), ("binary8", {"together": True}), ("direct_score", {}), ("claims", {}),
     ("claims", {"split": "judge"}), ("pairwise", {}), ("pairwise_cot", {})],
)  # fmt: skip
def test_every_request_about_an_output_that_was_cut_off_says_so(
    name: str, options: dict[str, Any], shipped: Shipped, example: Example
) -> None:
    whole, cut = (Model(lambda request: Reply(("api: a is called",))) for _ in range(2))
    first, second = samples_of(CODE, CODE + "\nprint(1)")
    strategy = build_strategy(shipped(name, **options), 1)
    strategy.judge([first, second], {"e1": example}, whole.ask)
    strategy.judge([first, replace(second, finish_reason="length")], {"e1": example}, cut.ask)
    assert len(whole.asked) == len(cut.asked) >= 2
    for one, other in zip(whole.asked, cut.asked, strict=True):
        shows_it = "print(1)" in one.messages[1][1]
        assert "was cut off" not in one.messages[1][1]
        assert other.messages[1][1].count('"cut_off": "The output ran into its length limit') == shows_it
        assert shows_it or other == one, "what is asked of the other has changed"


def test_binary_in_one_call(shipped: Shipped, example: Example) -> None:
    model = Model(lambda request: Reply(("1. yes\n2. no\n3. yes\n4. yes\n5. yes\n6. yes\n7. hm\n8. no",)))
    judgement = judged(shipped("binary8", together=True), model, example, "a = 1")
    (request,) = model.asked
    questions = json.loads(next(line for line in request.messages[1][1].splitlines() if line.startswith('{"1"')))
    assert list(questions) == [str(number) for number in range(1, 9)]
    assert [answer.p_yes for answer in judgement.answers] == [1, 0, 1, 1, 1, 1, None, 0]
    assert judgement.labels == [Label("s1", pytest.approx(6 / 9), 7)]  # type: ignore[arg-type]


def test_what_could_not_be_had_is_invalid_and_too_few_answers_give_no_score(shipped: Shipped, example: Example) -> None:
    model = Model(lambda request: None if request.purpose in ("parses", "runs") else Reply(("yes",)))
    judgement = judged(shipped("binary8"), model, example, "a = 1", min_valid=7)
    missing = [answer for answer in judgement.answers if answer.p_yes is None]
    assert [(answer.question_id, answer.source) for answer in missing] == [("parses", UNANSWERED), ("runs", UNANSWERED)]
    assert judgement.labels == [Label("s1", None, 6)]


def test_votes_are_asked_for_at_a_temperature(shipped: Shipped, example: Example) -> None:
    model = Model(lambda request: Reply(("yes", "yes", "no", "?")))
    judgement = judged(shipped("binary8", votes=4, vote_temperature=0.7), model, example, "a = 1")
    assert {(one.num_samples, one.temperature) for one in model.asked} == {(4, 0.7)}
    assert {(answer.source, round(answer.p_yes or 0, 4)) for answer in judgement.answers} == {("votes", 0.6667)}


def test_direct_score_is_the_expected_value(shipped: Shipped, example: Example) -> None:
    model = Model(lambda request: weighed(**{"8": 0.5, "10": 0.3, "5": 0.2}))
    judgement = judged(shipped("direct_score"), model, example, "a = 1")
    assert model.asked[0].choices == tuple(str(number) for number in range(1, 11))
    assert judgement.labels[0].score == pytest.approx((8 * 0.5 + 10 * 0.3 + 5 * 0.2 - 1) / 9)
    assert judgement.answers[0].evidence.startswith("expected 8.000; ")


def test_a_grade_between_two_is_its_own_value(shipped: Shipped, example: Example) -> None:
    model = Model(lambda request: Reply(("1. It parses.\n2. It runs.\nScore: 8.5",)))
    judgement = judged(shipped("direct_score"), model, example, "a = 1")
    assert (judgement.labels[0].score, judgement.answers[0].source) == (pytest.approx(7.5 / 9), "text")


def test_thoughts_that_were_cut_off_are_no_rationale(shipped: Shipped, example: Example) -> None:
    model = Model(lambda request: Reply(("<think>Response 1 is better. Preferred Response=1",), finish_reason="length"))
    (preference,) = judged(shipped("pairwise_cot"), model, example, "x = 1", "x = 2").preferences
    assert (preference.p_first, preference.invalid) == (None, CUT_OFF)
    assert {request.expects for request in model.asked} == {"text"}


def test_a_choice_is_read_behind_what_is_said_of_both(shipped: Shipped, example: Example) -> None:
    """A judge that always prefers x = 2, and lists what it sees first."""

    def answer(request: Request) -> Reply:
        first = next(line for line in request.messages[1][1].splitlines() if line.startswith('{"code"'))
        better = 1 if "x = 2" in first else 2
        return Reply((f"1. Response 1 is short.\n2. Response 2 is too.\nso Response {better}",))

    (preference,) = judged(shipped("pairwise"), Model(answer), example, "x = 1", "x = 2").preferences
    assert (preference.p_first, preference.order_gap, preference.invalid) == (0.0, 0.0, "")


def biased(request: Request) -> Reply:
    """Prefers code with the larger number by 70 to 30, and adds 20 points to what it sees first."""
    lines = request.messages[1][1].splitlines()
    first, second = (int(json.loads(line)["code"].split("=")[1]) for line in lines if line.startswith('{"code"'))
    p_first = (0.7 if first > second else 0.3) + 0.1
    return weighed(**{"1": p_first, "2": 1 - p_first})


@pytest.mark.parametrize("name", ["pairwise", "pairwise_cot"])
def test_both_orders_cancel_the_bias_and_name_it(shipped: Shipped, example: Example, name: str) -> None:
    model = Model(lambda request: Reply(("I think so.",)) if request.expects == "text" else biased(request))
    judgement = judged(shipped(name), model, example, "x = 1", "x = 2", "x = 3")
    assert [(one.first_id, one.second_id) for one in judgement.preferences] == [
        ("s1", "s2"),
        ("s1", "s3"),
        ("s2", "s3"),
    ]
    assert [one.p_first for one in judgement.preferences] == [pytest.approx(0.3)] * 3
    assert [one.order_gap for one in judgement.preferences] == [pytest.approx(0.2)] * 3
    figures = order_figures(judgement.preferences)
    assert figures == {"order_gap": pytest.approx(0.2), "order_flip_rate": 0.0}
    assert "20 points for what it is shown first" in (bias_line(figures["order_gap"]) or "")
    assert len(model.asked) == build_strategy(shipped(name), 1).max_requests(3)


def test_thoughts_come_first_and_reach_the_second_call_as_data(shipped: Shipped, example: Example) -> None:
    lost = "x = 9"
    thought = 'The "first" <|im_end|> one.'

    def answer(request: Request) -> Reply | None:
        if request.expects == "text":
            return None if lost in request.messages[1][1] else Reply((thought,))
        return weighed(**{"1": 0.6, "2": 0.4})

    model = Model(answer)
    judgement = judged(shipped("pairwise_cot"), model, example, "x = 1", "x = 2", lost)
    assert [len(call) for call in model.calls] == [6, 2]
    shown = model.calls[1][0].messages[1][1]
    assert "<|" not in shown and thought in [json.loads(line) for line in shown.splitlines() if line.startswith('"')]
    assert [one.p_first for one in judgement.preferences] == [pytest.approx(0.5), None, None]
    assert judgement.preferences[1].source == UNANSWERED


def test_the_same_text_is_not_compared_with_itself_and_pairs_can_be_limited(shipped: Shipped, example: Example) -> None:
    model = Model(lambda request: weighed(**{"1": 0.6, "2": 0.4}))
    texts = ["x = 1", "x = 1", "x = 2", "x = 3", "x = 4"]
    assert len(judged(shipped("pairwise"), model, example, *texts).preferences) == 6
    few = [judged(shipped("pairwise", max_pairs=2), model, example, *texts).preferences for _ in range(2)]
    assert len(few[0]) == 2 and few[0] == few[1]


def test_claims_are_the_parts_of_the_code(shipped: Shipped, example: Example) -> None:
    model = Model(
        lambda request: weighed(yes=0.4, no=0.6) if "arguments" in request.purpose else weighed(yes=0.9, no=0.1)
    )
    judgement = judged(shipped("claims"), model, example, CODE)
    purposes = ["claims/imports", "claims/api", "claims/arguments", "claims/result"]
    assert [request.purpose for request in model.asked] == purposes
    assert [answer.evidence.split("` ")[0] for answer in judgement.answers] == [
        "`import torch", "`torch.hub.load", "`torch.hub.load('a/b', 'c')", "`torch.hub.load('a/b', 'c')",
    ]  # fmt: skip
    assert judgement.labels == [Label("s1", -1.0, 4)]


def test_code_that_cannot_be_divided_can_still_be_rejected(shipped: Shipped, example: Example) -> None:
    judgement = judged(shipped("claims"), Model(lambda request: Reply(("no",))), example, "import (", "1 +")
    assert [label.score for label in judgement.labels] == [-4.0, -4.0]
    assert judged(shipped("claims"), Model(lambda request: None), example, CODE).labels == [Label("s1", None, 0)]


def test_the_judge_divides_and_a_cut_off_line_is_left_out(shipped: Shipped, example: Example) -> None:
    listed = Reply(("imports: torch is there\nnonsense\n- API: f exists\nresult: it is pri",), finish_reason="length")
    model = Model(lambda request: listed if request.expects == "text" else Reply(("no",)))
    judgement = judged(shipped("claims", split="judge"), model, example, CODE)
    assert [answer.evidence for answer in judgement.answers] == ["torch is there: 'no'", "f exists: 'no'"]
    assert judgement.labels == [Label("s1", -2.0, 2)]


def test_a_list_of_claims_that_cannot_be_read_is_marked_in_the_answers(shipped: Shipped, example: Example) -> None:
    for listed, why in ((None, NO_REPLY), (Reply(("nothing here",)), "no line with a claim")):
        model = Model(lambda request, listed=listed: listed if request.expects == "text" else Reply(("yes",)))  # type: ignore[misc]
        answers = judged(shipped("claims", split="judge"), model, example, CODE).answers
        assert len(answers) == 4
        assert all(answer.evidence.startswith(f"[{DIVIDED_BY_CODE}: {why}] `") for answer in answers)


def test_pairs_of_preferences_have_soft_labels() -> None:
    samples = samples_of("x = 1", "x = 2", "x = 3")
    said = [
        Preference("e1", "s1", "s2", 0.2, "logprobs", 0.0),
        Preference("e1", "s1", "s3", None, "text", None, invalid="empty"),
        Preference("e1", "s2", "s3", 0.52, "logprobs", 0.0),
    ]
    report = pairs_from_preferences(samples, said, PairConfig(min_margin=0.05))
    assert [(one.chosen_id, one.rejected_id, one.p_chosen) for one in report.pairs] == [("s2", "s1", 0.8)]
    assert report.pairs[0].margin == pytest.approx(0.3)
    assert (report.num_ties, report.num_unlabelled) == (1, 1)
    hard = pairs_from_preferences(samples, said, PairConfig(rule=PairRule.all, soft_labels=False))
    assert [(one.chosen_id, one.p_chosen) for one in hard.pairs] == [("s2", 1.0), ("s2", 1.0)]


def test_rules_for_pairs() -> None:
    samples = samples_of("x = 1", "x = 2", "x = 3")
    labels = [Label("s1", 0.0, 8), Label("s2", 0.04, 8), Label("s3", 1.0, 8)]

    def chosen(rule: PairRule, **settings: float) -> list[tuple[str, str]]:
        report = make_pairs(samples, labels, PairConfig(rule=rule, **settings))  # type: ignore[arg-type]
        return [(pair.chosen_id, pair.rejected_id) for pair in report.pairs]

    assert chosen(PairRule.margin) == [("s3", "s1"), ("s3", "s2")]
    assert chosen(PairRule.best_worst) == [("s3", "s1")]
    assert chosen(PairRule.all, max_per_example=1) == [("s3", "s1"), ("s3", "s2"), ("s2", "s1")]
    assert chosen(PairRule.claim_gap) == chosen(PairRule.margin)


def test_lengths_are_balanced_with_the_fewest_pairs_lost() -> None:
    pairs = [Pair("e", f"c{gap}", f"r{gap}", "x" * (50 + gap), "x" * 50, 1.0) for gap in (40, 30, 4, -6, 0)]
    kept = balance_lengths(pairs, max_gap=5.0)
    assert [pair.chosen_id for pair in kept] == ["c4", "c-6", "c0"]
    assert balance_lengths(pairs, max_gap=20.0) == pairs


def test_what_a_judge_said_is_written_whatever_it_said() -> None:
    reading = Reading({"yes": 1.0}, "text", 1.0, "it says \ud800 and \x1b[2J")
    answer = answer_of("s1", "q1", 1.0, reading, None, about="\u202eabout: ")
    assert answer.evidence == "\\u202eabout: it says \ufffd and \\x1b[2J"
    to_json(answer).encode()
    assert answer_of("s1", "q1", None, Reading(invalid="\x1b\ud800"), None).invalid == "\\x1b\ufffd"
