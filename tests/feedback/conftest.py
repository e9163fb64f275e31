"""What the judge's tests share: the shipped questions, items, and a tiny chat model made on the spot."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from rlaif import compose
from rlaif.config import QuestionsConfig
from rlaif.data.completion import Completion, render_completion
from rlaif.feedback.exchange import Ask
from rlaif.feedback.judge import Item
from rlaif.feedback.questions import QuestionSet, load_questions
from rlaif.feedback.strategies.binary import Binary, Options
from rlaif.records import Answer, Example, Sample

CONF = Path(__file__).resolve().parents[2] / "conf"

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="session")
def questions() -> QuestionSet:
    """conf/questions/binary8.yaml as it is shipped."""
    return load_questions(shipped_questions("binary8"))


def shipped_questions(name: str, **options: object) -> QuestionsConfig:
    """A file of conf/questions as it is shipped, with other options."""
    compose.register_schema()
    shipped = OmegaConf.load(CONF / "questions" / f"{name}.yaml")
    assert isinstance(shipped, DictConfig)
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(QuestionsConfig), shipped, {"options": options}))
    assert isinstance(config, QuestionsConfig)
    return config


@pytest.fixture(scope="session")
def shipped() -> Callable[..., QuestionsConfig]:
    """`shipped_questions`, for tests."""
    return shipped_questions


@pytest.fixture
def example() -> Example:
    reference = completion("statistics.mean([1, 2])", "import statistics\nprint(statistics.mean([1, 2]))")
    return Example(
        "e1", "What is the mean of 1 and 2?", reference, "statistics.mean([1, 2])", "Statistics", "Python", "train"
    )


@pytest.fixture
def make_items(questions: QuestionSet, example: Example) -> Callable[..., list[Item]]:
    """Items of one sample a text, over the first `num_questions` questions."""

    def make(*texts: str, num_questions: int = 1) -> list[Item]:
        samples = [Sample(f"s{number}", example.id, text, "sft", 0, "stop") for number, text in enumerate(texts, 1)]
        return [Item(one, example, question) for one in samples for question in questions.questions[:num_questions]]

    return make


@pytest.fixture(scope="session")
def answers_to(questions: QuestionSet) -> Callable[..., list[Answer]]:
    """(ask, items) -> answers, as the strategy with a call a question puts them."""

    def answers(ask: Ask, items: Sequence[Item], **options: Any) -> list[Answer]:
        asked = tuple(dict.fromkeys(item.question for item in items))
        strategy = Binary(replace(questions, questions=asked), Options(**options), min_valid=1)
        samples = list(dict.fromkeys(item.sample for item in items))
        return strategy.judge(samples, {item.example.id: item.example for item in items}, ask).answers

    return answers


def completion(api_call: str, code: str) -> str:
    return render_completion(Completion("Statistics", api_call, "Python", "Because.", code))


@pytest.fixture(scope="session")
def tiny_chat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer Qwen2 with random weights and a byte-level BPE trained here, with a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(["yes no Yes No answer question output instruction import print"] * 9, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=CHAT_TEMPLATE
    )
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(fast), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=4096, initializer_range=0.3,
            eos_token_id=fast.eos_token_id, pad_token_id=fast.pad_token_id, bos_token_id=None,
        )
    )  # fmt: skip
    directory = tmp_path_factory.mktemp("tiny-chat-model")
    model.save_pretrained(directory)
    fast.save_pretrained(directory)
    return directory


@dataclass
class Served:
    """A loopback endpoint whose answers a test decides."""

    answer: Callable[[dict[str, Any], int], tuple[int, Any]]
    """(request, how often these messages came before) -> (status, body): bytes, or what becomes JSON."""
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reply_to(self, handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self.lock:
            number = sum(other["messages"] == request["messages"] for other in self.requests)
            self.requests.append(request)
            self.paths.append(handler.path)
            self.headers.append(dict(handler.headers))
        status, body = self.answer(request, number)
        return status, body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Starts endpoints by what they answer, and ends them."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(answer: Callable[[dict[str, Any], int], tuple[int, Any]]) -> Served:
        served = Served(answer)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                status, body = served.reply_to(self)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(ConnectionError):
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size, daemon_threads = 256, True

        http = Server(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        running.append((http, thread))
        served.url = f"http://127.0.0.1:{http.server_port}/v1"
        return served

    yield start
    for http, thread in running:
        http.shutdown()
        http.server_close()
        thread.join()


def chat(text: Any, finish: str = "stop", logprobs: Any = None, usage: Any = None, **message: Any) -> dict[str, Any]:
    """A chat completion of one choice."""
    said = {"role": "assistant", "content": text, **message}
    return {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": said, "finish_reason": finish, "logprobs": logprobs}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1} if usage is None else usage,
    }  # fmt: skip


@pytest.fixture
def completion_of() -> Callable[..., dict[str, Any]]:
    """`chat`, for tests."""
    return chat
