"""Replies of reasoning models as their templates write them: the draft within a thought is never the answer."""

from __future__ import annotations

import pytest

from rlaif.feedback.exchange import CUT_OFF, Reply, Request
from rlaif.feedback.reading import read, text_of
from rlaif.feedback.reading_list import read_list
from rlaif.feedback.thought import NOTHING_ELSE, answer_part

DRAFT = "No, wait.\nAnswer: no\n1. no\n2. no\nScore: 3. The answer is \\boxed{no}\n"
"""Whatever could be taken for an answer."""
ANALYSIS = "<|channel|>analysis<|message|>DRAFT<|end|><|start|>assistant"
TEMPLATES = {
    "DeepSeek-R1, Qwen3": "<think>\nDRAFT\n</think>\n\nANSWER",
    "its opening stands in the prompt": "DRAFT\n</think>\n\nANSWER",
    "an empty thought": "<think>\n\n</think>\n\nANSWER",
    "two thoughts": "<think>DRAFT</think>\nDRAFT\n<think>DRAFT</think>\nANSWER",
    "two closings": "DRAFT</think>DRAFT</think>ANSWER",
    "a thought that names its mark": "<think>I am to write `</think>` first. DRAFT</think>ANSWER",
    "an opening within": "<think>DRAFT <think> DRAFT</think>ANSWER",
    "thinking": "<thinking>DRAFT</thinking>ANSWER",
    "EXAONE": "<thought>\nDRAFT</thought>\n\nANSWER",
    "Claude": "<antThinking>DRAFT</antThinking>ANSWER",
    "a reason": "<reason>DRAFT</reason>ANSWER",
    "a chain of thought": "<cot>DRAFT</cot>\nANSWER",
    "inner thoughts": "<inner_thoughts>DRAFT</inner_thoughts>ANSWER",
    "a plan": "<plan>DRAFT</plan>\n\nANSWER",
    "with attributes": '<thinking type="draft">DRAFT</thinking>ANSWER',
    "Apertus": "<|inner_prefix|>DRAFT<|inner_suffix|>ANSWER",
    "MedGemma": "<unused94>thought\nDRAFT<unused95>ANSWER",
    "startofthought": "<|startofthought|>DRAFT<|endofthought|>ANSWER",
    "reasoning_start": "<|reasoning_start|>DRAFT<|reasoning_end|>ANSWER",
    "special thinking": "<|thinking|>DRAFT<|/thinking|>ANSWER",
    "special thought": "<|thought|>DRAFT<|/thought|>ANSWER",
    "Open WebUI": '<details type="reasoning" done="true">\n<summary>Thought for 3 seconds</summary>\n> DRAFT\n'
    "</details>\nANSWER",
    "capitals": "<Thinking>DRAFT</Thinking>\nANSWER",
    "reasoning, answer": "<reasoning>DRAFT</reasoning>\n<answer>ANSWER</answer>",
    "answer, reasoning": "<answer>ANSWER</answer>\n<reasoning>DRAFT</reasoning>",
    "answer, reasoning cut off": "<answer>ANSWER</answer>\n<reasoning>DRAFT",
    "R1-Zero": "<think>DRAFT</think> <answer>ANSWER</answer>",
    "Seed-OSS": "<seed:think>DRAFT</seed:think>ANSWER",
    "Kimi": "◁think▷DRAFT◁/think▷ANSWER",
    "Magistral": "[THINK]DRAFT[/THINK]ANSWER",
    "Command A": "<|START_THINKING|>DRAFT<|END_THINKING|><|START_RESPONSE|>ANSWER<|END_RESPONSE|>",
    "OpenThinker": "<|begin_of_thought|>DRAFT<|end_of_thought|>\n<|begin_of_solution|>ANSWER<|end_of_solution|>",
    "Gemma 4": "<|channel>thought\nDRAFT<channel|>ANSWER<turn|>",
    "Granite 3.2": "Here is my thought process:\nDRAFT\n\nHere is my response:\n\nANSWER",
    "gpt-oss": f"{ANALYSIS}<|channel|>final<|message|>ANSWER<|return|>",
    "gpt-oss, with a comment": f"{ANALYSIS}<|channel|>commentary<|message|>"
    "DRAFT<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>ANSWER",
    "gpt-oss, as llama.cpp gives it": "<|channel|>analysis<|message|>DRAFT<|end|>ANSWER",
    "gpt-oss, without special tokens": "analysisWe have to judge. DRAFTassistantfinalANSWER",
    "gpt-oss, with its role left": "assistantanalysisWe have to judge. DRAFTassistantfinalANSWER",
    "an end token": "ANSWER<|im_end|>",
    "Phi's end token": "ANSWER<|end|>",
    "none": "ANSWER",
}  # fmt: skip
UNFINISHED = {
    "DeepSeek-R1, Qwen3": "<think>\nDRAFT",
    "blank before": "\n <think>DRAFT",
    "a second one": "<think>DRAFT</think>DRAFT<think>DRAFT",
    "after a draft": "DRAFT\n<think>DRAFT",
    "Kimi": "◁think▷DRAFT",
    "Apertus": "<|inner_prefix|>DRAFT",
    "Open WebUI": '<details type="reasoning" done="false">\nDRAFT',
    "Magistral": "[THINK]DRAFT",
    "Command A": "<|START_THINKING|>DRAFT",
    "Gemma 4": "<|channel>thought\nDRAFT",
    "Granite 3.2": "Here is my thought process:\nDRAFT",
    "gpt-oss": "<|channel|>analysis<|message|>DRAFT",
    "gpt-oss, between its channels": f"{ANALYSIS}<|channel|>commentary<|message|>DRAFT",
    "gpt-oss, without special tokens": "analysisWe have to judge. DRAFT",
}


def reply(template: str, answer: str = "", finish_reason: str = "stop") -> Reply:
    text = template.replace("ANSWER", answer).replace("DRAFT", DRAFT)
    return Reply((text,), finish_reason=finish_reason)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_the_answer_is_read_behind_the_thought(template: str) -> None:
    request = Request((("user", "?"),))
    for word in ("yes", "no"):
        assert read(request, reply(template, word.capitalize())).probabilities[word] == 1.0
    grade = Request((("user", "?"),), "number", tuple(str(number) for number in range(1, 11)))
    assert read(grade, reply(template, "8")).probabilities["8"] == 1.0
    readings = read_list(request, reply(template, "1. yes\n2. no\n3. yes"), 3)
    assert [one.probabilities.get("yes") for one in readings] == [1.0, 0.0, 1.0]
    in_a_line = read_list(request, reply(template, '{"1": "yes", "2": "no", "3": "yes"}'), 3)
    assert [one.probabilities.get("yes") for one in in_a_line] == [1.0, 0.0, 1.0]
    assert (
        "Because" in text_of(reply(template, "Because."))[0] and "wait" not in text_of(reply(template, "Because."))[0]
    )


@pytest.mark.parametrize("finish_reason", ["length", "stop"])
@pytest.mark.parametrize("template", UNFINISHED.values(), ids=UNFINISHED)
def test_a_thought_that_was_cut_off_is_no_answer(template: str, finish_reason: str) -> None:
    request = Request((("user", "?"),))
    unfinished = reply(template, finish_reason=finish_reason)
    assert read(request, unfinished).invalid == CUT_OFF
    assert [one.invalid for one in read_list(request, unfinished, 2)] == [CUT_OFF] * 2
    assert text_of(unfinished) == ("", CUT_OFF)


def test_a_thought_alone_is_no_answer() -> None:
    only = Reply(("<think>No.</think>\n",))
    assert read(Request((("user", "?"),)), only).invalid == NOTHING_ELSE
    assert text_of(only) == ("", NOTHING_ELSE)


@pytest.mark.parametrize("text", ["No, the code prints <think> here.", "No, it prints `</think>` at the end",
                                  "No. <think> is no tag of Python's.", "No: it has '</think>'"])  # fmt: skip
def test_a_mark_that_an_answer_quotes_is_none(text: str) -> None:
    assert answer_part(text).problem == ""
    assert read(Request((("user", "?"),)), Reply((text,))).probabilities["no"] == 1.0


def test_votes_that_are_thoughts_alone_count_as_unreadable() -> None:
    request = Request((("user", "?"),), num_samples=3, temperature=1.0)
    votes = read(request, Reply(("<think>no", "<think>no</think>yes", "hm, no\n</think>\nyes")))
    assert (votes.probabilities["yes"], votes.mass) == (1.0, pytest.approx(2 / 3))
