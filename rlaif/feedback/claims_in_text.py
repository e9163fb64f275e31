"""A judge's list of claims: lines "kind: claim", in whatever dress, lines under a kind's heading, or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rlaif.feedback.claims_in_code import KINDS, Claim
from rlaif.feedback.json_answers import Pairs, values_in
from rlaif.feedback.phrases import words_of
from rlaif.pattern import Pattern

OF_KIND = {form: kind for kind in KINDS for form in (kind, kind.removesuffix("s"), f"{kind.removesuffix('s')}s")}
"""By spelling, one or many: "argument", "APIs". In ASCII: without it a pattern takes "apı" for "api"."""
KIND = rf"((?a:{'|'.join(sorted(OF_KIND, key=len, reverse=True))}))(?![^\W_])"
DRESS = r"[\W\d_]{0,40}"
"""What a line may have before its kind: bullets, numbers, asterisks, a table's edge."""
LINE = Pattern(rf"{DRESS}(?:claim{DRESS})?{KIND}[\W_]{{1,12}}(\S.*)", re.IGNORECASE)
HEADING = Pattern(rf"{DRESS}{KIND}[\W_]{{0,40}}\Z", re.IGNORECASE)
BULLET = Pattern(r"\s{0,20}(?:[-*•+]|\d{1,3}[.)])\s+(\S.*)")
AROUND = " \t\r|*\"'`,;"
"""What a claim may have around it that is not the claim's."""
KIND_KEYS = words_of("kind type category claim_type")
CLAIM_KEYS = words_of("claim text statement description content")


def claims_in_text(text: str) -> list[Claim]:
    """The claims in a text, the first of equal ones."""
    found = _in_json(text) if "{" in text or "[" in text else []
    return list(dict.fromkeys(found or _in_lines(text)))


def _in_lines(text: str) -> Iterator[Claim]:
    kind = ""
    for line in text.splitlines():
        if heading := HEADING.match(line):
            kind = OF_KIND[heading.group(1).casefold()]
        elif named := LINE.match(line):
            yield from _claim(named.group(1), named.group(2))
        elif kind and (item := BULLET.match(line)):
            yield from _claim(kind, item.group(1))


def _in_json(text: str) -> list[Claim]:
    try:
        return [claim for value in values_in(text) for claim in _in_value(value, "")]
    except RecursionError:
        return []


def _in_value(value: Any, kind: str) -> Iterator[Claim]:
    """The claims in a JSON value that stands under a kind's name; "" where it stands under none."""
    if isinstance(value, str):
        yield from _claim(kind, value) if kind else _in_lines(value)
    elif isinstance(value, Pairs):
        own = next((OF_KIND.get(str(one).casefold(), "") for key, one in value if key.casefold() in KIND_KEYS), kind)
        for key, one in value:
            of_key = OF_KIND.get(key.casefold(), "")
            if of_key or (own and key.casefold() in CLAIM_KEYS) or not isinstance(one, str):
                yield from _in_value(one, of_key or own)
    elif isinstance(value, list):
        for one in value:
            yield from _in_value(one, kind)


def _claim(kind: str, text: str) -> Iterator[Claim]:
    if claim := text.strip(AROUND):
        yield Claim(OF_KIND[kind.casefold()], claim)
