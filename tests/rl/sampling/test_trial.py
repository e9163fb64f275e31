"""A policy is tried before it samples."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

from rlaif.errors import UserError
from tests.rl.architectures import gpt2
from tests.rl.sampling.test_sampler import run, some_uniforms, with_critic


def test_a_policy_whose_trunk_goes_wrong_is_refused_before_it_samples() -> None:
    policy = gpt2()
    plain = policy.transformer.forward

    def forward(input_ids: Tensor | None = None, **arguments: Any) -> Any:
        if input_ids is not None and len(input_ids) > 1:
            input_ids = input_ids.roll(1, 0)
        return plain(input_ids=input_ids, **arguments)

    policy.transformer.config._attn_implementation = "eager"
    policy.transformer.forward = forward
    with pytest.raises(UserError, match="GPT2LMHeadModel cannot be trained by PPO"):
        run(with_critic(policy), some_uniforms())
