"""The judge in this process, compared with probabilities computed by hand from the logits."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlaif.config import LocalJudgeConfig
from rlaif.errors import UserError
from rlaif.feedback.asking import Asker
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.judge import Item
from rlaif.feedback.local_judge import LocalModel, weights_digest
from rlaif.feedback.questions import Prompt, QuestionSet
from rlaif.records import Answer
from tests.architectures.configs import build

MakeItems = Callable[..., list[Item]]
AnswersOf = Callable[[LocalJudgeConfig, list[Item], Path], list[Answer]]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def answers_of(answers_to: Callable[..., list[Answer]]) -> AnswersOf:
    def answers(config: LocalJudgeConfig, items: list[Item], store: Path) -> list[Answer]:
        with Asker(LocalModel(config, "cpu"), store) as asker:
            return answers_to(asker.ask, items)

    return answers


def asked(prompt: Prompt) -> Request:
    return Request((("system", prompt.system), ("user", prompt.user)))


def by_hand(model_path: Path, system: str, user: str) -> tuple[float, float]:
    """(yes, no): softmax mass at the first position of the answer, without padding or batching."""
    tokenizer = AutoTokenizer.from_pretrained(model_path)
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32).eval()
    text = f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
    with torch.no_grad():
        probs = model(torch.tensor([tokenizer(text)["input_ids"]])).logits[0, -1].softmax(-1)
    vocabulary = tokenizer.get_vocab()
    spelled = {word: [word, word.capitalize(), f"Ġ{word}", f"Ġ{word.capitalize()}"] for word in ("yes", "no")}
    mass = {
        word: sum(float(probs[vocabulary[token]]) for token in tokens if token in vocabulary)
        for word, tokens in spelled.items()
    }
    return mass["yes"], mass["no"]


def test_p_yes_is_the_softmax_mass_by_hand(
    tiny_chat_model: Path, questions: QuestionSet, make_items: MakeItems, answers_of: AnswersOf, tmp_path: Path
) -> None:
    config = LocalJudgeConfig(path=str(tiny_chat_model), batch_size=3)
    items = make_items("<<<code>>>: x = 1", "short", "<<<code>>>: " + "y = 2\n" * 30, num_questions=2)
    answers = {(one.sample_id, one.question_id): one for one in answers_of(config, items, tmp_path)}
    assert len(answers) == 6
    for item in items:
        prompt = questions.render(item.question, item.example.instruction, item.sample.text)
        yes, no = by_hand(tiny_chat_model, prompt.system, prompt.user)
        answer = answers[item.sample.id, item.question.id]
        assert answer.p_yes == pytest.approx(yes / (yes + no), abs=1e-5)
        assert f"yes {yes:.4f}, no {no:.4f}" in answer.evidence
        assert (answer.source, answer.judge) == ("logprobs", str(tiny_chat_model))
    assert len({round(answer.p_yes or 0, 4) for answer in answers.values()}) > 3  # it does depend on the prompt


@pytest.mark.parametrize("architecture", ["Mamba-2", "BART's decoder", "Qwen3.5", "Gemma 2, logits capped"])
def test_prompts_of_unequal_length_are_each_read_alone(
    architecture: str,
    questions: QuestionSet,
    make_items: MakeItems,
    answers_of: AnswersOf,
    tiny_chat_model: Path,
    tmp_path: Path,
) -> None:
    """Recurrent states and positions counted in a sequence would read padding on the left."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_chat_model)
    model = build(architecture, vocab_size=len(tokenizer), max_position_embeddings=4096)
    for saved in (model, tokenizer):
        saved.save_pretrained(tmp_path / "judge")
    items = make_items("print(1)", "print(1) " * 9, num_questions=2)
    config = LocalJudgeConfig(path=str(tmp_path / "judge"), batch_size=4)
    answers = {(one.sample_id, one.question_id): one for one in answers_of(config, items, tmp_path / "store")}
    for item in items:
        prompt = questions.render(item.question, item.example.instruction, item.sample.text)
        yes, no = by_hand(tmp_path / "judge", prompt.system, prompt.user)
        assert answers[item.sample.id, item.question.id].p_yes == pytest.approx(yes / (yes + no), rel=1e-3, abs=1e-5)


def test_a_prompt_that_is_too_long_is_invalid_and_not_cut(
    tiny_chat_model: Path, make_items: MakeItems, answers_of: AnswersOf, tmp_path: Path
) -> None:
    config = LocalJudgeConfig(path=str(tiny_chat_model), max_prompt_tokens=50)
    (answer,) = answers_of(config, make_items("x"), tmp_path)
    assert answer.p_yes is None
    assert "max_prompt_tokens=50" in answer.invalid


def test_a_tokenizer_without_chat_template_gets_a_plain_prompt(
    tiny_chat_model: Path, questions: QuestionSet, make_items: MakeItems, answers_of: AnswersOf, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    shutil.copytree(tiny_chat_model, plain)
    (plain / "chat_template.jinja").unlink()
    config = LocalJudgeConfig(path=str(plain))
    (item,) = make_items("x = 1")
    prompt = questions.render(item.question, item.example.instruction, item.sample.text)
    text = AutoTokenizer.from_pretrained(plain).decode(LocalModel(config, "cpu").encode(asked(prompt)))
    assert text == f"{prompt.system}\n\n{prompt.user}\n\nAnswer:"
    (answer,) = answers_of(config, [item], tmp_path)
    assert answer.p_yes is not None


def test_a_template_without_system_messages_gets_one_message(
    tiny_chat_model: Path, questions: QuestionSet, make_items: MakeItems, tmp_path: Path
) -> None:
    strict = tmp_path / "strict"
    shutil.copytree(tiny_chat_model, strict)
    refuse = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    template = (strict / "chat_template.jinja").read_text()
    (strict / "chat_template.jinja").write_text(refuse + template)
    config = LocalJudgeConfig(path=str(strict))
    (item,) = make_items("x = 1")
    prompt = questions.render(item.question, item.example.instruction, item.sample.text)
    text = AutoTokenizer.from_pretrained(strict).decode(LocalModel(config, "cpu").encode(asked(prompt)))
    assert text.startswith(f"<|im_start|>user\n{prompt.system}\n\n{prompt.user}<|im_end|>")


def test_other_weights_are_another_judge(tiny_chat_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_chat_model, copy)
    assert weights_digest(str(copy)) == weights_digest(str(tiny_chat_model))
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    assert weights_digest(str(copy)) != weights_digest(str(tiny_chat_model))


def test_no_model_there(make_items: MakeItems, answers_of: AnswersOf, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a Hub id or a directory"):
        LocalModel(LocalJudgeConfig())
    with pytest.raises(UserError, match="cannot be loaded"):
        answers_of(LocalJudgeConfig(path=str(tmp_path)), make_items("x"), tmp_path / "store")


@pytest.mark.parametrize("where", ["generation_config.json", "tokenizer"])
def test_any_stop_token_ends_a_reply(where: str, tiny_chat_model: Path, tmp_path: Path) -> None:
    """A reply that ends with another token than the tokenizer's EOS, at the limit, is not cut off."""
    request = Request((("user", "why?"),), expects="text", max_tokens=6)

    def ask(path: Path, name: str) -> Reply:
        with Asker(LocalModel(LocalJudgeConfig(path=str(path)), "cpu"), tmp_path / name) as asker:
            (reply,) = asker.ask([request])
            assert reply is not None
            return reply

    tokenizer = AutoTokenizer.from_pretrained(tiny_chat_model)
    model = AutoModelForCausalLM.from_pretrained(tiny_chat_model, dtype=torch.float32)
    ids = torch.tensor([LocalModel(LocalJudgeConfig(path=str(tiny_chat_model)), "cpu").encode(request)])
    said = model.generate(ids, do_sample=False, max_new_tokens=6)[0, ids.shape[1] :].tolist()
    assert ask(tiny_chat_model, "whole").finish_reason == "length" and len(said) == 6
    other = tmp_path / "other"
    shutil.copytree(tiny_chat_model, other)
    if where == "tokenizer":
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(said[-1])
        tokenizer.save_pretrained(other)
    else:
        model.generation_config.eos_token_id = [model.config.eos_token_id, said[-1]]
        model.generation_config.save_pretrained(other)
    ends = said.index(said[-1]) + 1
    reply = ask(other, "ended")
    assert (reply.finish_reason, reply.num_output_tokens) == ("stop", ends)


def test_texts_and_votes_are_generated_and_can_be_had_again(tiny_chat_model: Path, tmp_path: Path) -> None:
    thoughts = Request((("user", "why?"),), expects="text", max_tokens=6)
    votes = Request((("user", "yes?"),), max_tokens=3, temperature=1.0, num_samples=4)
    found = []
    for store in ("a", "b"):
        with Asker(LocalModel(LocalJudgeConfig(path=str(tiny_chat_model)), "cpu"), tmp_path / store) as asker:
            found.append(asker.ask([thoughts, votes]))
    assert found[0] == found[1]
    one, four = found[0]
    assert one is not None and four is not None
    assert (len(one.texts), len(four.texts), four.tokens) == (1, 4, ())
    assert len(set(four.texts)) > 1
