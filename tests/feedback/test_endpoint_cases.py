"""Endpoints that answer as servers in use do, and what has to come of each: one call at a time, and 64 at once."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rlaif.config import OpenaiConfig, QuestionsConfig
from rlaif.errors import UserError
from rlaif.feedback import retry
from rlaif.feedback.asking import Asker
from rlaif.feedback.endpoints import Endpoints
from rlaif.feedback.strategies import Judgement, build_strategy
from rlaif.records import Answer, Example, Sample

FILE = Path(__file__).resolve().parents[3] / "shared" / "cases" / "endpoints.py"
NUM_SAMPLES = 24
"""Of which a seventh is refused, where some are."""


def load() -> ModuleType | None:
    """The servers, from a file that lies beside the repository."""
    if not FILE.is_file():
        return None
    spec = importlib.util.spec_from_file_location("endpoint_cases", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = load()
EXPECTED: dict[str, Any] = {} if CASES is None else CASES.EXPECTED


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    if CASES is None:
        pytest.skip(f"the servers' answers are not at {FILE}")
    server = CASES.Server(("127.0.0.1", 0), CASES.Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.01)


Shipped = Callable[..., QuestionsConfig]


def judge(config: QuestionsConfig, url: str, at_once: int, directory: Path, example: Example) -> Judgement:
    """Different samples, so that all prompts are, under a store of their own."""
    salt = f"{at_once} {config.name}"
    samples = [
        Sample(f"s{number}", example.id, f"print({number})  # {salt}", "sft", 0, "stop")
        for number in range(NUM_SAMPLES)
    ]
    openai = OpenaiConfig(model="served", base_url=url, max_concurrency=at_once)
    with Asker(Endpoints(openai), directory) as asker:
        return build_strategy(config, 1).judge(samples, {example.id: example}, asker.ask)


@pytest.fixture(params=[1, 64])
def answers_of(
    request: pytest.FixtureRequest, address: str, shipped: Shipped, example: Example, tmp_path: Path
) -> Callable[[str], list[Answer]]:
    """The answers to one mode, asked as its kind is."""

    def answers(mode: str) -> list[Answer]:
        kind = EXPECTED[mode][0]
        if kind == "grade":
            config = shipped("direct_score")
        elif kind == "list":
            config = shipped("binary8", together=True)
        else:
            config = shipped("binary8")
            config = replace(config, questions=config.questions[:1])
        return judge(config, f"{address}/{mode}/v1", request.param, tmp_path, example).answers

    return answers


@pytest.mark.parametrize("mode", EXPECTED)
def test_what_comes_of_it(mode: str, answers_of: Callable[[str], list[Answer]]) -> None:
    expected = EXPECTED[mode]
    if expected[0] == "stop":
        with pytest.raises(UserError, match=expected[1]) as error:
            answers_of(mode)
        assert "\n" not in str(error.value)
        return
    answers = answers_of(mode)
    if expected[0] == "some":
        refused = [answer for answer in answers if answer.p_yes is None]
        assert 1 <= len(refused) <= NUM_SAMPLES // 2
        assert all("HTTP" in answer.invalid for answer in refused)
        answers, expected = [answer for answer in answers if answer.p_yes is not None], expected[1]
    check(answers, *expected)


def check(answers: list[Answer], kind: str, wanted: Any = None) -> None:
    assert answers
    if kind == "yes":
        assert {answer.source for answer in answers} == {"text" if wanted is None else "logprobs"}
        p_yes = 1.0 if wanted is None else wanted
        assert [answer.p_yes for answer in answers] == [pytest.approx(p_yes, abs=0.01)] * len(answers)
    elif kind == "invalid":
        assert [answer.p_yes for answer in answers] == [None] * NUM_SAMPLES
        assert all(answer.invalid for answer in answers)
    elif kind == "list":
        said = "".join("-" if one.p_yes is None else "y" if one.p_yes > 0.5 else "n" for one in answers)
        assert said == wanted * NUM_SAMPLES
    else:
        assert kind == "grade"
        assert [answer.p_yes for answer in answers] == [pytest.approx((wanted - 1) / 9)] * NUM_SAMPLES
