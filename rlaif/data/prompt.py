"""The prompt that a policy sees, and the text that it learns to go on with.

The format is that of APIBench's own records. A training text is prompt + target + EOS.
"""

from __future__ import annotations


def format_prompt(instruction: str) -> str:
    """The prompt; a completion follows after a line break."""
    return f"###Instruction: {instruction}\n###Output:"


def format_target(reference: str) -> str:
    """What follows the prompt in training."""
    return "\n" + reference
