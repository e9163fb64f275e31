"""What the judge's tests share: the shipped questions, items, and a tiny chat model made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
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
