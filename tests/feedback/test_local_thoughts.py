"""The judge in this process where its model thinks: words are read without a thought, texts behind it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlaif.config import LocalJudgeConfig
from rlaif.data.thought import CUT_OFF
from rlaif.feedback.asking import Asker
from rlaif.feedback.exchange import Reply, Request, TokenLogprobs
from rlaif.feedback.local_judge import LocalModel
from rlaif.feedback.reading import WOULD_THINK, read
from rlaif.feedback.reading_list import read_list

MESSAGES = (("system", "Judge."), ("user", "Does it parse?"))
WORD = Request(MESSAGES)
VOTES = Request(MESSAGES, max_tokens=12, temperature=1.0, num_samples=3)
LIST = Request(MESSAGES, max_tokens=12, num_answers=2)
TEXT = Request(MESSAGES, "text", max_tokens=12)
PROMPT = "<|im_start|>system\nJudge.<|im_end|>\n<|im_start|>user\nDoes it parse?<|im_end|>\n<|im_start|>assistant\n"
IS_OFF = "add_generation_prompt and enable_thinking is defined and not enable_thinking"
SWITCH = f"{{% if {IS_OFF} %}}<think>\n\n</think>\n\n{{% endif %}}"
OPENED = "{% if add_generation_prompt %}<think>\n{% endif %}"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def with_template(model: Path, to: Path, added: str) -> Path:
    """A copy of the model whose template goes on with `added`."""
    shutil.copytree(model, to)
    (to / "chat_template.jinja").write_text((to / "chat_template.jinja").read_text() + added)
    return to


def ask(path: Path, store: Path, *requests: Request) -> list[Reply]:
    with Asker(LocalModel(LocalJudgeConfig(path=str(path)), "cpu"), store) as asker:
        replies = asker.ask(requests)
    assert None not in replies
    return [reply for reply in replies if reply is not None]


def p_yes_after(path: Path, prompt: str) -> float:
    """By hand, at the first position after a prompt."""
    tokenizer, model = (
        AutoTokenizer.from_pretrained(path),
        AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32),
    )
    with torch.no_grad():
        probs = model(torch.tensor([tokenizer(prompt)["input_ids"]])).logits[0, -1].softmax(-1)
    vocabulary = tokenizer.get_vocab()
    spellings = {word: (word, word.capitalize(), f"Ġ{word}", f"Ġ{word.capitalize()}") for word in ("yes", "no")}
    mass = {
        word: sum(float(probs[vocabulary[one]]) for one in tokens if one in vocabulary)
        for word, tokens in spellings.items()
    }
    return mass["yes"] / sum(mass.values())


@pytest.mark.parametrize(
    ("added", "prompt"),
    [("", PROMPT), (SWITCH, f"{PROMPT}<think>\n\n</think>\n\n"), (OPENED, f"{PROMPT}<think>\n\n\n</think>\n\n"),
     ("{% if add_generation_prompt %}[THINK]{% endif %}", f"{PROMPT}[THINK][/THINK]")],
    ids=["no thought", "a switch", "opened by the prompt", "Magistral"],
)  # fmt: skip
def test_a_word_is_read_where_the_thought_is_over(
    added: str, prompt: str, tiny_chat_model: Path, tmp_path: Path
) -> None:
    path = with_template(tiny_chat_model, tmp_path / "judge", added)
    (reply,) = ask(path, tmp_path / "store", WORD)
    assert read(WORD, reply).probabilities["yes"] == pytest.approx(p_yes_after(path, prompt), abs=1e-5)


def test_only_where_leaving_the_thought_out_makes_another_prompt_is_it_another_question(
    tiny_chat_model: Path, tmp_path: Path
) -> None:
    plain = LocalModel(LocalJudgeConfig(path=str(tiny_chat_model)), "cpu")
    assert set(plain.decides(WORD)) == {*plain._identity, "messages", "words", "expects_text"}
    path = with_template(tiny_chat_model, tmp_path / "judge", SWITCH)
    thinks = LocalModel(LocalJudgeConfig(path=str(path)), "cpu")
    assert set(thinks.decides(WORD)) - set(plain.decides(WORD)) == {"thinks"}
    assert set(thinks.decides(TEXT)) == set(plain.decides(TEXT))


@pytest.mark.parametrize("one_token", [True, False])
def test_a_model_that_begins_with_a_thought_answers_behind_an_empty_one(
    one_token: bool, tiny_chat_model: Path, tmp_path: Path
) -> None:
    """Its head is turned so that the mark is by far the most likely, whole or, piece by piece, as "<", "think>"."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_chat_model)
    model = AutoModelForCausalLM.from_pretrained(tiny_chat_model, dtype=torch.float32)
    if one_token:
        tokenizer.add_tokens(["<think>"])
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    spelt = tokenizer("<think>", add_special_tokens=False)["input_ids"]
    assert (len(spelt) == 1) == one_token
    ids = tokenizer(PROMPT)["input_ids"]
    with torch.no_grad():
        for at, one in enumerate(spelt):
            hidden = model.model(torch.tensor([ids + spelt[:at]])).last_hidden_state[0, -1]
            model.lm_head.weight[one] = 4 * hidden / hidden.norm() + 0.01 * model.lm_head.weight[one]
    for saved in (model, tokenizer):
        saved.save_pretrained(tmp_path / "judge")
    begun = model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=len(spelt))[0, len(ids) :].tolist()
    assert begun == spelt
    (reply,) = ask(tmp_path / "judge", tmp_path / "store", WORD)
    expected = p_yes_after(tmp_path / "judge", f"{PROMPT}<think>\n\n</think>\n\n")
    assert expected != pytest.approx(p_yes_after(tmp_path / "judge", PROMPT), abs=1e-3)
    assert reply.texts == (tokenizer.convert_ids_to_tokens(tokenizer(reply.texts[0])["input_ids"])[0],)
    found = {token: logprob for token, logprob in reply.tokens[0].top}
    assert "yes" in {token.strip("Ġ").casefold() for token in found}
    mass = {word: sum(torch.tensor(logprob).exp().item() for token, logprob in found.items()
                      if token.strip("Ġ").casefold() == word) for word in ("yes", "no")}  # fmt: skip
    assert mass["yes"] / sum(mass.values()) == pytest.approx(expected, abs=1e-4)


def test_what_an_older_store_holds_of_a_model_that_would_think_is_no_answer() -> None:
    tops = (("<think>", -0.01), ("yes", -9.0), ("no", -7.0))
    reading = read(WORD, Reply(("no",), (TokenLogprobs("no", tops),)))
    assert (reading.probabilities, reading.invalid) == ({}, WOULD_THINK)
    rather_not = (("no", -0.5), ("yes", -2.0), ("<think>", -3.0))
    assert read(WORD, Reply(("no",), (TokenLogprobs("no", rather_not),))).probabilities["no"] > 0.8


class Writes:
    """Stands for what a model generates: the texts, as its tokenizer's ids."""

    def __init__(self, model: LocalModel, *texts: str, stops: bool = True) -> None:
        end = "<|im_end|>" if stops else ""
        rows = [model._tokenizer(text + end, add_special_tokens=False)["input_ids"] for text in texts]
        longest = max(map(len, rows))
        pad = model._tokenizer.pad_token_id
        self.rows = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])

    def __call__(self, *_: Any) -> torch.Tensor:
        return self.rows


def generated(path: Path, store: Path, request: Request, texts: Sequence[str], stops: bool = True) -> Reply:
    model = LocalModel(LocalJudgeConfig(path=str(path)), "cpu")
    written = Writes(model, *texts, stops=stops)
    model._continued = written  # type: ignore[method-assign]
    if not stops:
        request = Request(request.messages, request.expects, max_tokens=written.rows.shape[1],
                          temperature=request.temperature, num_samples=request.num_samples)  # fmt: skip
    with Asker(model, store) as asker:
        (reply,) = asker.ask([request])
    assert reply is not None
    return reply


def test_votes_are_read_behind_their_thoughts(tiny_chat_model: Path, tmp_path: Path) -> None:
    """The marks are special tokens, which are left out of texts otherwise."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_chat_model)
    tokenizer.add_special_tokens({"additional_special_tokens": ["[THINK]", "[/THINK]"]})
    model = AutoModelForCausalLM.from_pretrained(tiny_chat_model, dtype=torch.float32)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    for saved in (model, tokenizer):
        saved.save_pretrained(tmp_path / "judge")
    texts = ["[THINK]no, no[/THINK]Yes", "[THINK]yes[/THINK]No", "Yes"]
    reply = generated(tmp_path / "judge", tmp_path / "store", VOTES, texts)
    assert reply.texts == ("[THINK]no, no[/THINK]Yes", "[THINK]yes[/THINK]No", "Yes")
    assert read(VOTES, reply).probabilities["yes"] == pytest.approx(2 / 3)


def test_a_thought_that_the_prompt_opens_is_one_in_the_text(tiny_chat_model: Path, tmp_path: Path) -> None:
    path = with_template(tiny_chat_model, tmp_path / "judge", OPENED)
    votes = generated(path, tmp_path / "a", VOTES, ["no.\n</think>\n\nYes", "no</think>No", "</think>Yes"])
    assert read(VOTES, votes).probabilities["yes"] == pytest.approx(2 / 3)
    cut_off = generated(path, tmp_path / "b", VOTES, ["No, the code", "No", "Yes"], stops=False)
    assert read(VOTES, cut_off).invalid == CUT_OFF


def test_a_list_is_written_and_each_answer_has_its_tokens_log_probabilities(
    tiny_chat_model: Path, tmp_path: Path
) -> None:
    reply = generated(tiny_chat_model, tmp_path / "store", LIST, ["1. yes\n2. no"])
    assert reply.texts == ("1. yes\n2. no",)
    readings = read_list(LIST, reply, 2)
    assert [one.source for one in readings] == ["logprobs", "logprobs"]
    for reading, before in zip(readings, ("1. ", "1. yes\n2."), strict=True):
        assert 0 < reading.mass < 1
        tokenizer = AutoTokenizer.from_pretrained(tiny_chat_model)
        model = AutoModelForCausalLM.from_pretrained(tiny_chat_model, dtype=torch.float32)
        with torch.no_grad():
            probs = model(torch.tensor([tokenizer(PROMPT + before)["input_ids"]])).logits[0, -1].softmax(-1)
        names = tokenizer.convert_ids_to_tokens(list(range(len(probs))))
        spelt = [token.strip("Ġ").casefold() for token in names]
        mass = {
            word: sum(p for p, one in zip(probs.tolist(), spelt, strict=True) if one == word) for word in ("yes", "no")
        }
        assert reading.probabilities["yes"] == pytest.approx(mass["yes"] / sum(mass.values()), rel=1e-3)
