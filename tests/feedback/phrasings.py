"""What a reply is read as, and tables of phrasings: a line each, with {X} and {O} for the two words."""

from __future__ import annotations

from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.reading import read

ASK = (("user", "?"),)
YES_NO = Request(ASK)
CHOICE = Request(ASK, "choice", ("1", "2"))
GRADE = Request(ASK, "number", tuple(str(number) for number in range(1, 11)))


def word_said(text: str, request: Request = YES_NO, finish_reason: str = "stop") -> str | None:
    """The word that a reply is read as; of a grade between two, their mean."""
    reading = read(request, Reply((text,), finish_reason=finish_reason))
    assert bool(reading.invalid) != bool(reading.probabilities)
    if not reading.probabilities:
        return None
    certain = [word for word, share in reading.probabilities.items() if share == 1.0]
    return certain[0] if certain else str(sum(int(word) * share for word, share in reading.probabilities.items()))


def spelt(lines: list[str], word: str, other: str) -> list[str]:
    """A table's texts with their words in place."""
    names = {"{X}": word.capitalize(), "{x}": word, "{XX}": word.upper(), "{O}": other.capitalize(), "{o}": other}
    texts = []
    for line in lines:
        text = line.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")
        for name, spelling in names.items():
            text = text.replace(name, spelling)
        texts.append(text)
    return texts


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
That would be a {x}.
If I had to choose, I would say {x}.
<b>Answer:</b> {X}
<div>{X}</div>
The answer here is {x}.
The answer can only be {x}.
The answer remains {x}.
The answer to that is {X}.
My answer is a firm {x}.
It claims "{o}, it does not" in a comment. {X}.
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
The answer to 'Is the code valid?' is {X}.
The answer's {x}.
It is short, so the answer's {x}.
Possibly {x}
Almost certainly {x}.
Oh {x}.
It is short, but {x}, it runs.
{O}? {X}.
{O}? {X}, line 3 decides it.
It claims 'Answer: {O}' in a comment. {X}.
The code holds the text "Final answer: {O}". So {x}.
The text “Answer: {O}” is in line 3. The answer is {X}.
- [x] {X}\\n- [ ] {O}
- [ ] {O}\\n- [x] {X}
( ) {O} (x) {X}
[X] {X} [ ] {O}
☐ {O}\\n☑ {X}
""".splitlines()
