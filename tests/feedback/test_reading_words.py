"""What people would say that a reply says: tables of phrasings with yes and no, each with either word."""

from __future__ import annotations

import pytest

from rlaif.feedback.exchange import Request
from tests.feedback.phrasings import ASK, SAYS_X, spelt, word_said

SAYS_X_THOUGH_O_COMES_LATER = """\
{X}. {O} would need an import.
{X}. If line 3 were missing, the answer would be {O}.
{X}\\n\\nQuestion: Does it run?\\nAnswer: {O}
Question: Does it parse?\\nAnswer: {X}\\n\\nQuestion: Does it run?\\nAnswer: {O}
Answer: {X}\\n\\nUser: and why?\\nAssistant: {O}
{X}. {O} would be wrong.
{X}. It actually runs. "{O}" would be wrong.
{X}. Wait, let me see line 3. {X}.
{X} ({O} would need an import)
{X}. The other word, "{O}", would be wrong.
{X}; it is not a "{O}".
{X}.\\n\\nI would have said {O} if line 3 were missing.
{X}, although some would say {O} here.
{X}. Is line 3 missing? That would make it {O}.
Is it {O}? {X}.
It is not {O}. The answer is {X}.
One might think {O}. But the answer is {X}.
At first I thought of {O}; final answer: {X}
""".splitlines()

SAYS_NOTHING = """\
{X} and {O}
{X} or {O}
{X}/{O}
{X} / {O}
{X} and {O}.
{X}, {O}
{X} {O}
{X}. {O}.
{X}\\n{O}
{X}, and {O}
Either {X} or {O}.
{X} or {O}?
Neither {X} nor {O}.
{X}: 0.2, {O}: 0.8
{X} 20% / {O} 80%
P({X}) = 0.1
{"{X}": 0.1, "{O}": 0.9}
Syntax: {X}\\nNames: {O}
Does it parse? {X}. It runs, {O}.
Could be {X}, could be {O}.
Technically {x}, practically {O}.
In theory {x}, in practice {O}.
{X}, if json is there, otherwise {O}.
The output parses: {X}. The output runs: {O}.
Partly {X}.
{X}. Wait, {o}. The import is missing.
{X}. On second thought, {o}.
{X}, scratch that, {o}.
{X}. Correction: {o}.
{X}. Edit: {o}.
{X}, I mean {o}.
{X}. Sorry, {o}.
{X}. Actually, {o}.
{X}\\n\\nActually, let me re-check. Line 3 decides it.\\n\\n{O}
If all exist: {x}. If not: {o}.
If line 3 is right, {x}.
{X}?
I don't think the answer is {X}.
I am not sure the answer is {X}.
It is not true that the answer is {X}
The comment says 'Answer: {X}'.
Hardly {X}.
The answer, if json is there, is {X}.
Answer: {X} or {O}
Answer with one word: {X} or {O}.
The answer is not {X}.
The answer is {X} if the import works.
The answer would be {X} unless line 3 is reached.
If the import works, the answer is {X}, otherwise {O}.
Is the answer {X}?
It prints "{X}".
Yes or no?
It is not possible to say yes or no.
The program prints {X} and exits.
Does it parse? {X}. Does it run? {O}.
{X}. The answer is {O}.
{X}, it is not cut off, so {O}, it is as asked.
Answer: {X}\\n\\nThe answer is {O}.
<think>{X}
<think>{X}</think>
""".splitlines()

SAYS_NEITHER = [
    "Y", "N", "N/A", "n", "y", "Not sure", "Not sure.", "I can't tell", "I cannot say.", "It depends.", "Maybe",
    "Correct", "Incorrect", "True", "False", "Right.", "Wrong.", "Yeah", "Yep", "Nope", "Nah", "None", "Nothing",
    "Not at all", "Yesterday", "Nobody", "Unknown", "The code is fine.", "The code is broken.", "1", "0", "Ja",
    "Nein", "👍",
]  # fmt: skip

@pytest.mark.parametrize(("word", "other"), [("yes", "no"), ("no", "yes")])
@pytest.mark.parametrize("table", [SAYS_X, SAYS_X_THOUGH_O_COMES_LATER])
def test_either_word_is_read_wherever_it_is_the_answer(table: list[str], word: str, other: str) -> None:
    texts = spelt(table, word, other)
    assert len(set(texts)) == len(table)
    assert not {text: word_said(text) for text in texts if word_said(text) != word}


@pytest.mark.parametrize(("word", "other"), [("yes", "no"), ("no", "yes")])
def test_what_is_both_words_or_only_mentions_them_is_no_answer(word: str, other: str) -> None:
    assert not {text: word_said(text) for text in spelt(SAYS_NOTHING, word, other) if word_said(text) is not None}


def test_words_that_were_not_offered_are_no_answer() -> None:
    assert not {text: word_said(text) for text in SAYS_NEITHER if word_said(text) is not None}


def test_letters_that_a_pattern_takes_for_others() -> None:
    said = {"neither": "neither", "neıther": None, "neİther.": None, "Answer: Neither": "neither", "either": "either"}
    request = Request(ASK, "choice", ("either", "neither"))
    assert {text: word_said(text, request) for text in said} == said
    assert word_said("yeſ") in ("yes", None)
