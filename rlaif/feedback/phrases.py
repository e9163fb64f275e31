"""How the places around an answer are described: phrases as patterns, and a window before a place."""

from __future__ import annotations

import re

from rlaif.pattern import Pattern

WINDOW = 100
"""Characters looked at before a word; what stands farther away says nothing about it."""
MOST_MENTIONS = 100
"""Of a text that says the words more often, the first one and the last ones are looked at."""

STARTS = r"(?<![^\W_])"
"""No word goes on here; an underscore is markup."""
ENDS = r"(?![^\W_])"
MARKUP = r"(?:_|[^\w.!?]){0,12}"
"""What may stand within a sentence between two words: spaces, line breaks, quotes, colons, asterisks."""
ASIDE = (
    r"(?: ?\([^()\n]{0,30}\)|,(?! (?:if|unless|when|had|were)\b)[^,.!?\n\d]{1,30},|"
    r" (?:to|for|on) [\"'`“‘][^\"'`“”‘’\n]{1,60}[\"'`”’])?"
)
"""What may stand behind a label before all else: "Answer (yes/no)", "the score, in my view,"."""
OPENING_QUOTE = Pattern(r"\w[,:]?[^\S\n]([\"'`“‘«])(?=\S)")
REST_OF_A_QUOTATION = 60
CLOSING_QUOTES = {"“": "”", "‘": "’", "«": "»"}
DENIED = Pattern(
    r"(?:n['’]t|(?<![^\W_])not|cannot) (?:think|believe|say|agree|conclude|sure|clear|evident|convinced|true"
    r"|the case|that)(?![^\W_])(?:(?! (?:so|but|hence|therefore) )[^.,;:!?\n]){0,40}\Z",
    re.IGNORECASE,
)
"""What stands before the word of "I don't think the answer is yes"."""
UNCHECKED = Pattern(r"(?:\[ ?\]|(?<![\w)\]])\( ?\)|[☐□○◯⬜])[^\w\n]{0,6}(?:response )?\Z", re.IGNORECASE)
CHECKED = r"(?:\[[x✓✔]\]|\([x✓✔]\)|[☑☒●◉])[^\w\n]{0,6}(?:response )?\Z"
"""What stands before what was ticked of several: "[x] Yes [ ] No"."""
ADVERB = r"(?!(?:hard|scarce|bare|part|partial|potential|conditional|seeming|supposed|alleged)ly)[^\W_]+ly"
"""What leaves an answer one: "definitely", "mostly", "sadly"."""
TAG = r"(?<=[</])(?:b|i|u|p|em|strong|code|div|span|li|td|h[1-6])(?=>)"
CORRECTS = Pattern(
    r"[.!?;:,\n—–…-][^\w]{0,8}(?:(?:oh|no|but|hmm|well|ah),? )?(?:wait|hold on|actually|on (?:second|further) thoughts?"
    r"|on reflection|scratch that|correction|edit|update|i mean|i meant|sorry|oops|rather|revised|i take that back"
    r"|finally|in the end"
    r"|(?:let me|upon|after) re-?\s?(?:check|read|think|consider|examin|evaluat|view)\w*)(?![^\W_])",
    re.IGNORECASE,
)
"""What takes back an answer that was given before: "Yes. Wait, no."."""
ENDS_TEXT = Pattern(r"[\W_]*\Z")
BULLETS = " \t\r*_#>\"'`([{-•"


def one_of(phrases: str) -> str:
    """A pattern for one of the phrases, which a comma separates; each is a pattern itself."""
    return f"(?:{'|'.join(phrase.strip() for phrase in phrases.split(','))})"


def words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


def text_before(text: str, at: int) -> str:
    """What stands before a place, after a line break where the text begins and a letter where it goes on before."""
    return "\n" + text[:at] if at <= WINDOW else "x" + text[at - WINDOW : at]


def is_in_a_quotation(before: str, text: str, end: int) -> bool:
    """Whether what ends at `end`, behind `before`, stands in what a sentence quotes, together with other words.

    In "It says 'Answer: yes'" it does; not in `{"answer": "yes"}`, whose quotes end before the value.
    """
    if not any(quote in before for quote in "\"'`“‘«"):
        return False
    for opened in OPENING_QUOTE.finditer(before):
        quote = CLOSING_QUOTES.get(opened.group(1), opened.group(1))
        within = before[opened.end() :]
        if quote not in within and "\n" not in within and any(one.isalnum() for one in within):
            return quote in text[end : end + REST_OF_A_QUOTATION].partition("\n")[0]
    return False


def is_alone_in_its_last_line(before: str, text: str, end: int) -> bool:
    """Whether what ends at `end`, behind `before`, is all of the text's last line."""
    return not before.rpartition("\n")[2].strip(BULLETS) and ENDS_TEXT.match(text, end) is not None
