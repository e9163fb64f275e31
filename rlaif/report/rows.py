"""What the rows of a report are called, by the evaluation that made them."""

from __future__ import annotations

ROW_NAMES = {"responses": "recorded answers", "sft": "SFT", "rl": "RLAIF (PPO)"}
"""`evaluate_<key>` -> the row's name, in the order in which rows stand."""

REFERENCES = "references"


def row_name(key: str) -> str:
    """The name of a row; one that has none given is called by its key."""
    return ROW_NAMES.get(key, key.replace("_", " "))


def ordered(keys: list[str]) -> list[str]:
    """The rows in the order of `ROW_NAMES`, unnamed ones after them, the references last."""
    known = [key for key in ROW_NAMES if key in keys]
    others = [key for key in keys if key not in ROW_NAMES and key != REFERENCES]
    return known + others + [key for key in keys if key == REFERENCES]
