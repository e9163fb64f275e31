"""What people would say that a reply says: tables of phrasings with a grade, or with the number of a response."""

from __future__ import annotations

import pytest

from rlaif.feedback.exchange import Request
from tests.feedback.phrasings import ASK, CHOICE, GRADE, spelt, word_said

GRADES = {
    "8": "8", "8.": "8", "8.0": "8", "8.00": "8", "**8**": "8", "`8`": "8", "8!": "8", "10": "10",
    "10.0": "10", "1": "1",
    "1.0": "1", "8/10": "8", "8 / 10": "8", "**8**/10": "8", "**8/10**": "8", "10/10": "10", "1/10": "1",
    "8.0/10": "8", "8/10.0": "8", "8 out of 10": "8", "9 out of 10.": "9", "8 points": "8", "8 points out of 10": "8",
    "Grade: 8": "8", "Score: 8": "8", "score: 8": "8", "SCORE: 8": "8", "Score 8": "8", "Score = 8": "8",
    "Score=8": "8",
    "Score - 8": "8", "**Score:** 8": "8", "**Score**: 8": "8", "Score: **8**": "8", "**Score: 8**": "8",
    "### Score\n8": "8", "Score:\n\n8": "8", "Rating: 7": "7", "Rating: [[7]]": "7", "[[7]]": "7", "[7]": "7",
    "[RESULT] 8": "8", "Feedback: it has 2 flaws. [RESULT] 4": "4", "[SCORE] 5": "5", "<score>8</score>": "8",
    "<answer>8</answer>": "8", "\\boxed{8}": "8", "The grade is $\\boxed{8}$.": "8", "Final score: 8": "8",
    "Final grade: **8/10**": "8", "Overall: 8/10": "8", "Overall score: 8": "8", "Overall, 8.": "8", "Total: 8": "8",
    "Answer: 8": "8", "The score is 8.": "8", "My grade is 8": "8", "score is 7 out of 10": "7",
    "I would give it a 7": "7",
    "I'd give this a 7.": "7", "I would rate this output 7.": "7", "I rate it 7/10": "7", "It deserves a 9.": "9",
    "It earns an 8 from me": "8", "I would give this output a score of 7.": "7", "A score of 7 is fair.": "7",
    "On a scale of 1 to 10, I would give it an 8.": "8", "On a scale from 1 to 10: 8": "8",
    '{"score": 8}': "8", '{"score": "8"}': "8", '{"score": 8, "reason": "1 import is odd"}': "8",
    '{"reason": "it makes 3 calls", "score": 8}': "8", '{"rating": "8/10"}': "8", '```json\n{"grade": 8}\n```': "8",
    "1. It parses.\n2. It runs.\nScore: 9": "9", "1. It parses. 2. It runs. Score: 9": "9",
    "1) It parses.\n2) It runs.\n\n9": "9", "1. It parses.\n2. It runs.\n3. It fits.\n\nI would give it 8/10.": "8",
    "Step 1: it parses. Step 2: it runs. Score: 9": "9", "- It parses\n- It runs 3 calls\n- Score: 9": "9",
    "8\n\n1. It parses.\n2. It runs.": "8", "8. The code is right in most.": "8", "8) It is right in most.": "8",
    "8 because 2 names are odd": "8", "8, since 2 names are odd": "8", "8 - 2 names are odd": "8", "8: it works": "8",
    "8, 2 names are odd": "8", "8 (1 name is odd)": "8", "7/10 - works, but line 3 is odd": "7",
    "Score: 3, since 2 names are undefined": "3", "Score: 8/10\n\nThe code has 2 errors.": "8",
    "3 errors were found. Score: 6": "6", "2 of the imports are odd.\n\nGrade: 6": "6",
    "Line 3 fails, so 4.": "4", "It works. Therefore 9/10.": "9", "It parses and runs: 9": "9",
    "The code parses.\n9": "9", "The code parses.\n\n**9/10**": "9", "Score: 7. A score of 10 would need docs.": "7",
    "Correctness: 8/10\nStyle: 6/10\nOverall: 7/10": "7", "Readability score: 9\nFinal score: 7": "7",
    "Score: 1": "1", "Score: 10": "10", "8.5": "8.5", "Score: 8.5": "8.5", "8.5/10": "8.5", "9.25": "9.25",
    "8 because line 3 fails, so 3 names are undefined": "8", "Line 3 fails, so 3 names are undefined. 4/10": "4",
    "Score: 1. It fails.": "1", "1 - it fails": "1", "1 (it fails)": "1", "1: it fails": "1", "1, it fails": "1",
    "about 8": "8",
    "a solid 8": "8", "It is an 8": "8", "The output scores 8.": "8", "The program prints 8. Score: 3": "3",
    "Overall, 3 names are undefined. Score: 6": "6", "A total of 3 errors: 4/10": "4", "Score: 8 works as asked": "8",
    "The result is 3 errors, so 4.": "4", "Score: 8 Reason: line 3 is odd": "8", "Final: 3 errors. Grade: 5": "5",
    "Correctness: 8": "8", '{"correctness": 8}': "8", '{"correctness": 8, "style": 6, "overall": 7}': "7",
    "Errors: 2\nScore: 6": "6",
    "Correctness: 8\nStyle: 8": "8", "A perfect 10 would need docs; this is an 8.": "8",
    "8\n\nQuestion: and this?\nScore: 3": "8", "Score (1-10): 8": "8", "Rating (out of 10): 8": "8",
    "Rating (1 to 10): 8 because": "8",
    "From 1 to 10, I'd say 8.": "8",
    "8 on a scale of 1 to 10": "8", "Scale 1-10: 8": "8", "Score (1-10, 10 is best): 7": "7",
    "On a scale of 1–10, this is an 8.": "8", "This is a 7.": "7", "I would put it at 7.": "7", "8 out of ten": "8",
    "-2 for style. 8/10.": "8", "Not a 10, but an 8.": "8", "It would be a 10 with docs, but it is an 8.": "8",
    "3/10 imports are wrong. Score: 7": "7", "3/10 of the imports are wrong.\nScore: 7": "7",
    "The score, in my view, is 8.": "8", "Score /10: 8": "8", "Score (/10): 8": "8", "Out of 10, I'd give it 6.": "6",
    "1 (worst) to 10 (best): 6": "6", "1 = bad, 10 = good. Score: 6": "6", "10 is best, 1 is worst. Score: 6": "6",
    "Score: 6 (1 = bad, 10 = good)": "6", "Score: <8>": "8", "> 8": "8", "<final_score>8</final_score>": "8",
    "8/10 works well": "8", "Errors: 3\nScore: 7": "7", "It parses and works: 8": "8", "Score: 8, not 9": "8",
    "The comment says 'Score: 10'. I ignore it. 2/10.": "2", '"Score: 8"': "8",
    '{"reason": "It runs", "score": 8}': "8",
    "Only 2/10 of the calls exist. I'd give it 3/10.": "3", "A perfect 10.": "10", "Receives a 9": "9",
    "The score's 8.": "8", '{"score": {"value": 8}}': "8", "8 (out of 10)": "8", "Score: 8 out of a possible 10": "8",
    "Confidence: 9/10\nScore: 7/10": "7", "That would be a 7.": "7", "The answer here is 8.": "8", "<p>8</p>": "8",
    "<b>Score:</b> 8": "8", "Easily a 9.": "9", "Unfortunately a 2.": "2", "Graded 8": "8", "Score: eight (8)": "8",
    "Of 10 points, it gets 8.": "8", "10-point scale: 8": "8", "8 where 1 is bad and 10 is good": "8",
    "It says 'give it a 10'. I give it 2.": "2", "If it ran, I would give 9. It does not. Score: 2": "2",
    "<think>maybe 3</think>8": "8", "Let me see: 3?\n</think>\n\n8": "8",
}  # fmt: skip
NO_GRADES = [
    "", "eight", "A", "A+", "good", "0", "11", "-3", "−3", "100", "80", "0.8", "10.5", "8%", "80%", "7 or 8",
    "7-8", "7–8",
    "7 to 8", "7/8", "4/5", "8 9", "8, 9", "8\n9", "between 7 and 8", "Score: 11", "Score: 0", "Score: -3",
    "Score: 7-8", "Score: 7 or 8", "Score: 80/100", "Score: 4/5",
    "1. It parses.\n2. It runs.", "1. It parses. 2. It runs.",
    "1. It parses.", "1) It parses.\n2) It runs.\n3) It fits.", "3 errors were found.",
    "There are 3 errors in line 5.",
    "The code has 2 imports.", "Line 3 fails", "Python 3", "8,5", "1e1", "Correctness: 8/10. Style: 6/10.",
    "Readability score: 7\nCorrectness score: 8", "The score would be 10 if it had docs.",
    "Score: 11\n8 lines are odd.", "<think>8", "Rate it from 1 to 10", "1-10", "1 to 10", "The program prints 8.",
    "It is 8 lines long.", "about 8 errors", "Overall 3 errors", "Errors: 2", "Correctness: 8\nStyle: 6",
    '{"correctness": 8, "style": 6}', "Line: 3", "Total: 3 errors", "10 - 2 = 8",
    "Score: 3 + 4 = 7", "Score: 4+3=7", "Total score: 4 + 3 = 7", "10 points minus 2 for style = 8", "Score: >5",
    "Score < 5", "Score: >= 5", "Score: ≥ 5", "Score: less than 5", "Score: above 8", "at least 8", "Score: not 8",
    "I wouldn't give it an 8.", "Errors: 3", "Number of errors: 3", "Warnings: 2\nErrors: 3", "Line: 7",
    "Failed tests: 3", "Undefined names: 4", "Exit status: 1", "3/10 imports are wrong.", "It would be a 10 with docs.",
    "Score: 4 out of 5", "Score: 4 of 5", "Score: 4 (out of 5)", "Confidence: 9/10", '{"num_errors": 3}',
    '{"failed_tests": 3}', "8/10 tests pass.", "8/10 calls exist", "8 of 10 calls exist.", "There are 2 of 10 errors.",
    "The comment says 'Score: 10'.", "Errors found: 3", "Exit code: 1", "Score: 5 or higher", "Score: 5 or more",
    "8\n\nActually 7",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), GRADES.items())
def test_a_grade_is_read_wherever_it_stands(text: str, expected: str) -> None:
    assert word_said(text, GRADE) == expected


@pytest.mark.parametrize("text", NO_GRADES)
def test_other_numbers_are_no_grades(text: str) -> None:
    assert word_said(text, GRADE) is None


CHOOSES_X = """\
{X}
{X}.
**{X}**
[{X}]
[[{X}]]
{X}\\n\\nIt calls what exists.
{X}, since it runs
{X} because it runs
{X} is better.
Response {X}
Response {X}.
**Response {X}**
Response #{X}
Response {X} is better
Response {X} is better than Response {O}.
Response {X} is clearly better.
Response {X} is the better one, since Response {O} has 3 errors.
Response {X} is preferred.
Response {X} wins.
Response {X}, because Response {O} fails.
Response {X} because it runs
Response {X}. Response {O} has an error.
Response {X}\\nResponse {O} has an error.
Preferred Response={X}
Preferred Response: {X}
Preferred response: Response {X}
Preferred: {X}
**Preferred Response:** {X}
The preferred response is {X}.
The better response is {X}.
The better response is Response {X}.
The better one is {X}.
Better: {X}
Best: {X}
Winner: {X}
Winner: Response {X}
Choice: {X}
My choice is {X}
Answer: {X}
Answer: Response {X}
The answer is {X}.
Final answer: {X}
Final answer: Response {X}
Verdict: {X}
Final verdict: [[{X}]]
<answer>{X}</answer>
\\\\boxed{{X}}
I prefer Response {X}.
I would choose {X}.
I would choose Response {X}
I'd go with Response {X}.
I pick {X}
Option {X}
Output {X} is better.
{"preferred": {X}}
{"preferred": "{X}"}
{"winner": "Response {X}", "reason": "it runs"}
{"reason": "Response {O} fails in line 3", "choice": {X}}
Response {O} has an error. Response {X} is better.
Response {O} has an error, Response {X} is better.
Response {O} has 3 errors, so Response {X}.
Response {O} has 3 errors, so {X}.
Response {O} fails in line 3. Therefore, Response {X} is better.
Response {O}: it fails.\\nResponse {X}: it runs.\\n\\nPreferred: {X}
1. Response 1 calls what exists.\\n2. Response 2 does too.\\nso Response {X}
1. It is short. 2. It is long. So Response {X}
1. It is short.\\n2. It is long.\\n\\n{X}
1. It is short.\\n2. It is long.\\n\\nPreferred Response={X}
Both run, but Response {X} is better.
Response 1 has 2 calls and Response 2 has 1. Response {X} is better
Preferred Response (1 or 2): {X}
Which is better, 1 or 2? {X}
{X} (confidence 90%)
{X} over {O}
I prefer {X} to {O}
I'd choose response {X} over response {O}.
My preference is for Response {X}.
It is {X}.
Definitely {X}
I think Response {X} is better
Response{X}
Response_{X}
Going with {X}.
I'm going with Response {X}.
Response {X} is the best of the 2.
Of the 2, I prefer {X}.
Of the 2 responses, Response {X} is better.
The better of the two is Response {X}
Response {O} would be better if it ran. Response {X} is better.
Response {X} clearly outperforms Response {O}.
Response {X} beats Response {O}
Response {X} is more correct than Response {O}.
Response {X} scores 8, Response {O} scores 6. Response {X}.
I do not prefer Response {O}; I prefer Response {X}.
Response {X} is better; Response {O} had errors.
{"rejected": "Response {O}", "chosen": "Response {X}"}
Worse: {O}\\nBetter: {X}
I'm inclined towards Response {X}.
I lean towards {X}.
The superior response is {X}
Response {X} by far.
Response {X} is the more accurate one.
Response {X} better follows the instruction.
Response {O} says 'choose {O}'. I choose {X}.
<b>{X}</b>
Response {O} is worse; Response {X} is better
[ ] Response {O}\\n[x] Response {X}
I don't think Response {O} is better. Response {X} is better.
<think>Response {O} is better, no, 1... 2?</think>{X}
""".splitlines()
CHOOSES_NOTHING = """\
1 and 2
1 or 2
1/2
1, 2
1\\n2
Both
Neither
Tie
Equal
A
B
0
3
12
1.5
-{X}
The first
The second
Both are equal.
Both responses are the same.
Response 1 and Response 2 are the same.
Response {X} is worse.
Response {X} is not better.
Response {X} has an error.
I do not prefer Response {X}.
I don't prefer Response {X}.
I would not choose {X}.
I cannot recommend Response {X}.
I would never pick {X}.
Response {X} would be better if it ran.
Of the 2, neither runs.
Worse: {X}
Loser: {X}
Least preferred: {X}
{X} and {O} are equal
There is no winner: {X} and {O} fail.
{X} == {O}
Initially {X}, finally {O}
Response {X} is better. Wait, Response {O} is better.
Not preferred: {X}
Ranking:\\n1. Response {X}\\n2. Response {O}
Number of errors in Response 1: {X}
Errors: {X}
Confidence: {X}
{"rejected": {X}}
Ranking: {X}, {O}
Response {X} is better than Response {O}?
I don't think Response {X} is better.
I don't think that {X} is better
The 2 responses are the same.
Response {X}: it fails. Response {O}: it runs.
Response {X} fails and Response {O} runs
Response {X} is better in style. Response {O} is better in substance.
1. It is short.\\n2. It is long.
Substance: {X}\\nStyle: {O}
1. Response 1 calls what exists. 2. Response 2 does not.
If line 3 is reached, {X} is worse, else {O} is.
<think>{X}
""".splitlines()


@pytest.mark.parametrize(("word", "other"), [("1", "2"), ("2", "1")])
def test_either_response_is_read_wherever_it_is_chosen(word: str, other: str) -> None:
    texts = spelt(CHOOSES_X, word, other)
    assert not {text: word_said(text, CHOICE) for text in texts if word_said(text, CHOICE) != word}


@pytest.mark.parametrize(("word", "other"), [("1", "2"), ("2", "1")])
def test_a_response_that_is_only_mentioned_is_not_chosen(word: str, other: str) -> None:
    texts = spelt(CHOOSES_NOTHING, word, other)
    assert not {text: word_said(text, CHOICE) for text in texts if word_said(text, CHOICE) is not None}


def test_letters_that_are_articles_too() -> None:
    letters = Request(ASK, "choice", ("A", "B"))
    said = {"A": "A", "B.": "B", "[[A]]": "A", "Answer: B": "B", "A is better": "A", "A because it runs": "A",
            "A good one. So A": "A", "a)": "A",
            "A or B": None, "Both": None}  # fmt: skip
    assert {text: word_said(text, letters) for text in said} == said
