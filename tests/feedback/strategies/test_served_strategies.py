"""Every strategy against a real server: `transformers serve` with a tiny model that learnt its answers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from rlaif.config import FeedbackConfig, JudgeKind, LocalJudgeConfig, OpenaiConfig, QuestionsConfig
from rlaif.errors import UserError
from rlaif.feedback.asking import open_asker
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.order_bias import order_figures
from rlaif.feedback.strategies import Judgement, build_strategy
from rlaif.records import Example, Sample

pytestmark = pytest.mark.slow

Shipped = Callable[..., QuestionsConfig]
READY_WITHIN_S = 240.0
NAMES = ("binary8", "pairwise", "pairwise_cot", "direct_score", "claims")
EXAMPLE = Example("e1", "Say 1.", "<<<code>>>: 1", "print(1)", "Text", "Python", "train")
SAMPLES = [Sample(f"s{n}", "e1", f"<<<code>>>: print({n})", "sft", 0, "stop") for n in (1, 2)]
LEARNT = {"yes_no": "yes", "choice": "1", "number": "8", "text": "yes"}
"""What the model answers, by what is expected of it. It always prefers what it is shown first."""


def judge(config: QuestionsConfig, ask: Callable[[Sequence[Request]], list[Reply | None]]) -> Judgement:
    return build_strategy(config, 1).judge(SAMPLES, {"e1": EXAMPLE}, ask)


@pytest.fixture(scope="module")
def model(tiny_chat_model: Path, shipped: Shipped, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, trained on the very requests until it gives its answers."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    requests: list[Request] = []

    def note(asked: Sequence[Request]) -> list[Reply | None]:
        requests.extend(asked)
        return [Reply((LEARNT[request.expects],)) for request in asked]

    for name in NAMES:
        judge(shipped(name), note)
    tokenizer = AutoTokenizer.from_pretrained(tiny_chat_model)
    network = AutoModelForCausalLM.from_pretrained(tiny_chat_model, dtype=torch.float32).train()
    torch.set_num_threads(1)
    texts = []
    for expects in LEARNT:  # one of each kind a step
        request = next(one for one in requests if one.expects == expects)
        messages = [{"role": role, "content": text} for role, text in request.messages]
        start = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        start_ids = tokenizer(start)["input_ids"]
        answer_ids = tokenizer(LEARNT[expects] + "<|im_end|>")["input_ids"]
        texts.append((torch.tensor([start_ids + answer_ids]), len(start_ids)))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        for ids, start in texts:
            labels = torch.where(torch.arange(ids.shape[1]) < start, -100, ids)
            network(ids, labels=labels).loss.backward()
        optimizer.step()
    directory = tmp_path_factory.mktemp("learnt-model")
    network.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def served(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's base URL. Started on a free port, killed at the end."""
    pytest.importorskip("uvicorn")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("serve") / "log"
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(model)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("w") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        deadline = time.monotonic() + READY_WITHIN_S
        while not is_up(f"http://127.0.0.1:{port}/health"):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"transformers serve did not come up:\n{log.read_text()[-2000:]}")
            time.sleep(0.25)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.parametrize("name", NAMES)
def test_a_real_server_answers_every_strategy(
    name: str, served: str, model: Path, shipped: Shipped, tmp_path: Path
) -> None:
    openai = OpenaiConfig(model=str(model), base_url=served, max_concurrency=2)
    feedback = FeedbackConfig("openai", JudgeKind.openai, openai=openai)
    config = shipped(name, max_thought_tokens=8) if name == "pairwise_cot" else shipped(name)
    with open_asker(feedback, tmp_path) as asker:
        judgement = judge(config, asker.ask)
    if name.startswith("pairwise"):
        (preference,) = judgement.preferences
        assert (preference.p_first, preference.order_gap, preference.source) == (0.5, 1.0, "text"), preference
        assert order_figures(judgement.preferences)["order_flip_rate"] == 1.0
    else:
        assert {answer.source for answer in judgement.answers} == {"text"}, judgement.answers  # it ignores logprobs
        scores = {"binary8": 1.0, "direct_score": pytest.approx(7 / 9), "claims": 0.0}
        assert [label.score for label in judgement.labels] == [scores[name]] * 2, judgement.answers
    nowhere = OpenaiConfig(model=str(model), base_url="http://127.0.0.1:9/v1")
    with open_asker(FeedbackConfig("openai", JudgeKind.openai, openai=nowhere), tmp_path) as asker:
        assert judge(config, asker.ask) == judgement  # the store has it all


def test_the_same_model_in_this_process_agrees(model: Path, shipped: Shipped, tmp_path: Path) -> None:
    feedback = FeedbackConfig("local", JudgeKind.local, local=LocalJudgeConfig(path=str(model)))
    with open_asker(feedback, tmp_path) as asker:
        answers = judge(shipped("binary8"), asker.ask).answers
    assert len(answers) == 16
    assert {answer.source for answer in answers} == {"logprobs"}
    # It learnt one of the questions; where it would say something else, the answer is marked.
    confident = [answer for answer in answers if "low mass" not in answer.evidence]
    assert {answer.question_id for answer in confident} >= {"parses"}
    assert all((answer.p_yes or 0) > 0.5 for answer in confident), confident


def test_a_real_server_refuses_an_unknown_model_in_one_line(served: str, shipped: Shipped, tmp_path: Path) -> None:
    openai = OpenaiConfig(model="no/such-model", base_url=served, max_attempts=1)
    with (
        open_asker(FeedbackConfig("openai", JudgeKind.openai, openai=openai), tmp_path) as asker,
        pytest.raises(UserError, match="HTTP 4") as error,
    ):
        judge(shipped("binary8"), asker.ask)
    assert "\n" not in str(error.value)


def test_votes_of_a_real_server_that_decodes_greedily_are_noticed(
    served: str, model: Path, shipped: Shipped, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    openai = OpenaiConfig(model=str(model), base_url=served, max_concurrency=4)
    with open_asker(FeedbackConfig("openai", JudgeKind.openai, openai=openai), tmp_path) as asker:
        answers = judge(shipped("binary8", votes=5), asker.ask).answers
        figures = asker.spending.figures()
    assert "votes" in {answer.source for answer in answers}
    assert figures["votes/all_alike"] == figures["votes/requests"] == 16
    assert "all votes of each of the 16 requests so far are the same text" in capsys.readouterr().out
