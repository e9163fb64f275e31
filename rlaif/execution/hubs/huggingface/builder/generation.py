"""What the real models' configs say of the texts that they make, where code depends on it."""

from __future__ import annotations

import re
from typing import Any

from transformers import GenerationConfig

_SAMPLING_TYPES = ("gpt2", "gpt_neo", "gptj", "codegen", "openai-gpt")
_NO_PARAMETERS = re.compile(r"cerebras|dialogpt")
_SHORT_TEXTS = ("blenderbot", "blenderbot-small", "pix2struct")
"""Architectures whose real models end every text soon: Blenderbot has no positions behind the 128th."""
_END_AFTER, _END_FACTOR = 60, 1.5


def task_parameters(model_type: str, name: str, task: str, max_length: int) -> dict[str, Any] | None:
    """The parameters for a pipeline's task that a config has; None where it has none.

    The first GPTs, and what was trained further from them, sample unless they are told otherwise.
    """
    if model_type not in _SAMPLING_TYPES or task == "Conversational" or _NO_PARAMETERS.search(name.lower()):
        return None
    return {"text-generation": {"do_sample": True, "max_length": max_length}}


def end_long_texts(config: Any, generation: GenerationConfig) -> None:
    """Let a long text end: random weights never prefer the token for it, as real ones do.

    Written into both configs, as a generation config that was made from the model's is made anew when it is used.
    """
    if config.model_type in _SHORT_TEXTS and isinstance(generation.eos_token_id, int):
        for one in (config, generation):
            one.exponential_decay_length_penalty = (_END_AFTER, _END_FACTOR)
