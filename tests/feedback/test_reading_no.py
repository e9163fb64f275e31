"""What people would say that a reply with "no" before a noun says: "no errors" answers nothing by itself."""

from __future__ import annotations

import pytest

from tests.feedback.phrasings import word_said

NO_BEFORE_A_NOUN = {
    "No errors found, so yes.": "yes",
    "No errors. Yes.": "yes",
    "No errors were found. Yes, it parses.": "yes",
    "No errors: yes": "yes",
    "No errors; yes.": "yes",
    "No undefined names are used.\n\nYes": "yes",
    "No issues here. The answer is yes.": "yes",
    "**No errors** were found. Answer: yes": "yes",
    "No problem at all, the answer is yes": "yes",
    "No longer valid in Python 3, so no.": "no",
    "No such module exists. No.": "no",
    "No such module exists, so no.": "no",
    "No module of this name exists; the answer is no.": "no",
    "No import is there. Answer: no": "no",
    "No undefined names are used.": None,
    "No errors": None,
    "No such module exists.": None,
    "No errors, no warnings.": None,
    "No import is there, no.": "no",
    "No one would import this, no.": "no",
    "Yes. No syntax errors.": "yes",
    "Yes, no undefined names are used.": "yes",
    "Yes - no issue": "yes",
    "Yes (no errors)": "yes",
    "Yes\nNo errors were found.": "yes",
    "Yes, and no errors were found.": "yes",
    "Yes, but no docstring.": "yes",
    "Yes. No, nothing is missing.": "yes",
    "yes; there is no error": "yes",
    "No, no import is there.": "no",
    "No. No import is there.": "no",
    "No: no import is there": "no",
    "No - the import is missing": "no",
    "No, there are errors.": "no",
    "No there is an error": "no",
    "No it does not": "no",
    "No because x is undefined": "no",
    "No not all names are defined": "no",
    "No, errors are there.": "no",
    "No. Errors are there.": "no",
    "No\nErrors are there.": "no",
    "No (errors are there)": "no",
    "No. 2 imports are missing.": "no",
    "I see no error": None,
    "There are no errors.": None,
    "The code has no undefined names, so yes": "yes",
    "So no errors.": None,
    "The answer: no errors.": None,
    "No. of imports: 3. All exist. Yes.": "yes",
    "No. of imports: 3.": None,
    "No. Of the imports, 2 are missing.": "no",
}


@pytest.mark.parametrize(("text", "expected"), NO_BEFORE_A_NOUN.items())
def test_a_no_that_belongs_to_a_noun_is_no_answer(text: str, expected: str | None) -> None:
    assert word_said(text) == expected
