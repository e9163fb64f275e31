"""What strong SFT learns from, and at which rate."""

from __future__ import annotations

import pytest

from rlaif import compose
from rlaif.records import Example, Sample
from rlaif.stages.artifacts import prompts_and_targets
from rlaif.stages.strong_sft import settings, texts_of


def test_a_sample_that_repeats_its_reference_is_the_same_text() -> None:
    example = Example("a", "do it", "<<<code>>>: f()", "f()", "d", "", "train")
    same, other = Sample("1", "a", "\n<<<code>>>: f()", "sft", 0, "stop"), Sample("2", "a", "\nx", "sft", 0, "stop")
    assert texts_of([same], [example]) == prompts_and_targets([example])
    assert texts_of([other], [example])[0] == (prompts_and_targets([example])[0][0], "\nx")


def test_the_rate_is_sfts_lowered() -> None:
    (config,) = compose.check_command_line(["strong_sft.learning_rate_factor=0.5", "strong_sft.max_epochs=2"])
    found = settings(config.policy, config.strong_sft)
    assert found.sft.learning_rate == pytest.approx(config.policy.sft.learning_rate / 2)
    assert (found.sft.max_epochs, found.max_new_tokens) == (2, config.policy.max_new_tokens)
