"""The LLM judge against a real OpenAI-compatible server: `transformers serve` with a tiny chat model."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlaif.config import LocalJudgeConfig, OpenaiConfig
from rlaif.errors import UserError
from rlaif.feedback.asked_judge import AskedJudge
from rlaif.feedback.asking import Asker, Transport
from rlaif.feedback.endpoints import Endpoints
from rlaif.feedback.judge import Item
from rlaif.feedback.local_judge import LocalModel
from rlaif.feedback.questions import QuestionSet
from rlaif.records import Answer

MakeItems = Callable[..., list[Item]]

READY_WITHIN_S = 120.0


@pytest.fixture(scope="module")
def agreeable_model(tiny_chat_model: Path, questions: QuestionSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model after a few steps on the answer "yes": it says so to everything that it is asked."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_chat_model)
    model = AutoModelForCausalLM.from_pretrained(tiny_chat_model, dtype=torch.float32).train()
    prompt = questions.render(questions.questions[0], "Do it.", "<<<code>>>: y = 2")
    messages = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) + "yes<|im_end|>"
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    labels = torch.where(torch.arange(ids.shape[1]) < ids.shape[1] - 2, -100, ids)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        model(ids, labels=labels).loss.backward()
        optimizer.step()
    directory = tmp_path_factory.mktemp("agreeable-model")
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def served(agreeable_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's base URL. Started on a free port, killed at the end."""
    pytest.importorskip("uvicorn")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("serve") / "log"
    script = Path(sys.executable).with_name("transformers")
    command = [
        str(script),
        "serve",
        str(agreeable_model),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--device",
        "cpu",
    ]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("w") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/health", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()


def answers_of(transport: Transport, questions: QuestionSet, items: list[Item], store: Path) -> list[Answer]:
    with Asker(transport, store) as asker:
        return AskedJudge(asker, questions, 2).answers(items)


def wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    pytest.fail(f"transformers serve did not come up:\n{log.read_text()[-2000:]}")


@pytest.mark.slow
def test_a_real_server_answers_and_a_second_run_does_not_need_it(
    served: str, agreeable_model: Path, questions: QuestionSet, make_items: MakeItems, tmp_path: Path
) -> None:
    config = OpenaiConfig(model=str(agreeable_model), base_url=served, max_concurrency=2)
    items = make_items("<<<code>>>: x = 1", num_questions=3)
    answers = answers_of(Endpoints(config), questions, items, tmp_path)
    assert [(one.sample_id, one.question_id) for one in answers] == [(i.sample.id, i.question.id) for i in items]
    assert [one.p_yes for one in answers] == [1.0, 1.0, 1.0]
    assert {(one.source, one.evidence) for one in answers} == {("text", "'yes'")}  # it ignores logprobs

    nowhere = OpenaiConfig(model=str(agreeable_model), base_url="http://127.0.0.1:9/v1")
    assert answers_of(Endpoints(nowhere), questions, items, tmp_path) == answers


@pytest.mark.slow
def test_the_same_model_in_this_process_agrees(
    agreeable_model: Path, questions: QuestionSet, make_items: MakeItems, tmp_path: Path
) -> None:
    items = make_items("<<<code>>>: x = 1", num_questions=3)
    answers = answers_of(LocalModel(LocalJudgeConfig(path=str(agreeable_model)), "cpu"), questions, items, tmp_path)
    assert all((one.p_yes or 0) > 0.5 for one in answers)


@pytest.mark.slow
def test_a_real_server_refuses_an_unknown_model_in_one_line(
    served: str, questions: QuestionSet, make_items: MakeItems, tmp_path: Path
) -> None:
    config = OpenaiConfig(model="no/such-model", base_url=served, max_attempts=1)
    with pytest.raises(UserError, match="HTTP 4"):
        answers_of(Endpoints(config), questions, make_items("x"), tmp_path)
