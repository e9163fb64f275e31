"""The pools that concrete values are drawn from.

Small on purpose: a word is one token of the tokenizer that is trained on the data, and a
model of half a million parameters meets it often enough to learn to copy it.
"""

from __future__ import annotations

from random import Random
from typing import Any

Values = dict[str, Any]


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES = words("Ada Amir Anna Ben Dana Emil Eva Hugo Ida Juan Leo Mina Nils Omar Rosa Sam Tara Vera Zoe Kai")
THINGS = words(
    "apple bell boat book brick chair clock coat cup desk door drum flag glass hat kite lamp lemon map paper "
    "pear piano ring rope shoe spoon table tent train wagon"
)
KEYS = words("age city color floor height item level owner price rank score size stock title weight width")


def key_and_number(random: Random) -> Values:
    return {"key": random.choice(KEYS), "n": number(random)}


def two_keys(random: Random) -> Values:
    key, other = random.sample(KEYS, 2)
    return {"key": key, "other": other, "n": number(random), "m": number(random)}


def key_and_word(random: Random) -> Values:
    return {"key": random.choice(KEYS), "word": random.choice(THINGS)}


def name_and_number(random: Random) -> Values:
    return {"name": random.choice(NAMES), "n": number(random)}


def name_and_word(random: Random) -> Values:
    return {"name": random.choice(NAMES), "word": random.choice(THINGS)}


def word_and_number(random: Random) -> Values:
    return {"word": random.choice(THINGS), "n": number(random)}


def two_words(random: Random) -> Values:
    first, second = random.sample(THINGS, 2)
    return {"first": first, "second": second}


def two_numbers(random: Random) -> Values:
    small, large = sorted(random.sample(range(2, 100), 2))
    return {"n": small, "m": large}


def three_numbers(random: Random) -> Values:
    a, b, c = random.sample(range(2, 100), 3)
    return {"a": a, "b": b, "c": c}


def calendar_date(random: Random) -> Values:
    """A date of which each part has its own range; day 31 exists in some months only."""
    month = random.randint(1, 12)
    longest = 28 if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    return {"year": random.randint(2001, 2060), "month": month, "day": random.randint(1, longest)}


def clock_time(random: Random) -> Values:
    return {"hour": random.randint(0, 23), "minute": random.randint(0, 59)}


def number(random: Random) -> int:
    return random.randint(2, 99)
