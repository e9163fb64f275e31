"""What is done to a recorded answer before both the official scripts and ours see it."""

from __future__ import annotations

import json
from collections.abc import Callable

VARIANTS: dict[str, Callable[[str], str]] = {
    "recorded": lambda text: text,
    "escaped_once_more": lambda text: json.dumps(text)[1:-1],
    "unescaped": lambda text: text.replace("\\n", "\n").replace('\\"', '"').replace("\\'", "'"),
    "spaced": lambda text: text.replace("(", "( ").replace(",", " , ").replace("=", " = "),
    "truncated": lambda text: text[: len(text) * 3 // 5],
    "without_marker": lambda text: text.replace("api_call", "call"),
    "a_sentence_before": lambda text: text.replace("api_call>>>:", "api_call>>>: It's (in short):"),
}
