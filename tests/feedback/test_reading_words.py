"""What people would say that a reply says: tables of phrasings with yes and no, each with either word."""

from __future__ import annotations

import pytest

from rlaif.feedback.exchange import Request
from tests.feedback.phrasings import ASK, spelt, word_said

SAYS_X = """\
{X}
{X}.
{X}!
{X},
{x}
{XX}
 {X}
{X}\\n
\\n\\n{X}\\n\\n
"{X}"
'{X}'
`{X}`
**{X}**
**{X}.**
**{X}**.
*{X}*
_{X}_
__{X}__
***{X}***
- {X}
> {X}
# {X}
({X})
[{X}]
[[{X}]]
=> {X}
{X} 👍
“{X}”
Answer: {X}
**Answer:** {X}
**Answer**: {X}
Answer: **{X}**
Answer - {X}
Answer\\n\\n{X}
### Answer\\n\\n{X}
A: {X}
Q: Does it run?\\nA: {X}
The answer is {X}.
The answer is: {X}
The answer is **{X}**.
My answer is {X}
My answer: {X}.
Final answer: {X}
Final Answer: **{X}**
**Final answer:** {X}.
Verdict: {X}
Final verdict: {X}
Result: {X}
Output: {X}
Response: {X}
Conclusion: {X}.
Decision: {X}
<answer>{X}</answer>
<answer>\\n{X}\\n</answer>
The code was read twice. <answer>{X}</answer>
\\\\boxed{{X}}
$\\\\boxed{\\\\text{{X}}}$
The answer is $\\\\boxed{{X}}$.
After looking at the imports, I arrive at \\\\boxed{{X}}.
[RESULT] {X}
Feedback: the code is short. [RESULT] {X}
{"answer": "{X}"}
{"answer": "{X}", "reason": "See line 3."}
{"reason": "Line 3 decides it.", "answer": "{X}"}
{"verdict": "{X}"}
```json\\n{"answer": "{X}"}\\n```
```\\n{X}\\n```
{X}, it is as the question says.
{X}, because of line 3.
{X}: see line 3.
{X}; see line 3.
{X} - see line 3.
{X} – see line 3.
{X} — see line 3.
{X} (see line 3)
{X}... see line 3
{X}\\nSee line 3.
{X}.\\n\\nExplanation: see line 3.
**{X}**\\n\\nThe code is short.
**{X}**, the code is short.
{X} because the code is short
{X} since line 3 decides it
{X} it is
{X} 2 of the 3 imports are as the question says
{X} the code is what it seems to be
{X}, as the code shows. The answer follows from line 3.
Well, {X}.
Okay, {X}.
Definitely {X}.
Clearly, {X}.
Simply {X}.
Sure. {X}.
I would say {X}.
I'd say {X}.
I’d say {X}, given line 3.
I would answer {X}
I think {X}.
I believe the answer is {X}.
Probably {X}.
Most likely {X}
Line 3 settles it, so {X}.
Line 3 settles it. So {X}.
Line 3 settles it. So, {X}.
Line 3 settles it; therefore {X}.
Therefore, the answer is {X}.
Thus {X}.
Hence the answer: {X}
In conclusion, {X}.
Overall, {X}.
In short: {X}
Line 3 settles it, so the answer is {X}.
Line 3 settles it -> {X}
Line 3 settles it → {X}
Line 3 settles it: {X}.
Line 3 settles it. {X}.
Line 3 settles it. {X}, it is so.
Line 3 settles it.\\n{X}
Line 3 settles it.\\n\\n**{X}**
Line 3 settles it.\\n\\nAnswer: {X}
Line 3 settles it.\\n\\n**Final answer: {X}**
It is so, {X}.
Does the program run? {X}.
Does the program run? {X}
Does the program run? {X}, as line 3 shows.
Is the code valid Python, complete and not cut off?\\n\\n{X}
Answer with one word, yes or no.\\n{X}
The question is whether it runs. {X} it does.
Yes and no, but the final answer is {X}.
<think>hm</think>{X}
Based on line 3, {X}, it is so.
Answer (yes/no): {X}
Answer (yes/no): {X}, because of line 3
Yes/No: {X}
Yes or no? {X}.
Is it so? (yes/no) {X}
1. {X}
Q1: {X}
[/INST] {X}
<s> {X}</s>
assistant\\n\\n{X}
**Syntax check:** {X}, as line 3 shows
Sure! Here is my answer: {X}
Certainly! The answer is {X}, see line 3
The answer to your question is {X}.
TL;DR: {X}
is_so = {X}
I have to say {X}.
{X} (0.9)
{X}, 90%
<b>{X}</b>
<strong>{X}</strong>, see line 3
It is a {X}.
It's a {X} from me.
That's a {X}.
A resounding {X}!
I'm going with {X}.
I choose {X}
Unfortunately {X}, as line 3 shows
Actually {X}
Thus, the output is {X}.
Maybe, but my final answer is {X}
I'm inclined to say {X}.
I'd lean towards {X}.
I lean {X}.
Mostly {x}.
Hard {x}.
Pretty sure {x}
Without doubt {x}.
Technically {x}, as line 3 shows.
Line 3 settles it. Definitely {x}.
Line 3 settles it, so probably {x}.
I see no reason to answer {O}, so {x}.
The answer, in my view, is {X}.
\\boxed{\\mathrm{{X}}}
答案：{X}
&quot;{X}&quot;
\\n{X}
Looking at it: <final>{X}</final>
""".splitlines()

SAYS_X_THOUGH_O_COMES_LATER = """\
{X}. {O} would need an import.
{X}. If line 3 were missing, the answer would be {O}.
{X}\\n\\nQuestion: Does it run?\\nAnswer: {O}
Question: Does it parse?\\nAnswer: {X}\\n\\nQuestion: Does it run?\\nAnswer: {O}
Answer: {X}\\n\\nUser: and why?\\nAssistant: {O}
{X}. {O} would be wrong.
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
