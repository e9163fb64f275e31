"""What the PPO stage hands to each of several processes."""

from __future__ import annotations

from rlaif import compose
from rlaif.stages.ppo import share_of_judge


def test_processes_together_spend_and_ask_what_one_may() -> None:
    judge = ("feedback=openai", "feedback.openai.model=m", "feedback.openai.base_url=http://127.0.0.1:9/v1")
    prices = ("feedback.openai.input_price=1", "feedback.openai.output_price=1")
    overrides = [*judge, *prices, "feedback.openai.max_cost=6", "feedback.openai.max_concurrency=64"]
    (config,) = compose.check_command_line(overrides)
    own = share_of_judge(config, 4).feedback.openai
    assert (own.max_cost, own.max_concurrency) == (1.5, 16)
    assert share_of_judge(config, 100).feedback.openai.max_concurrency == 1
    assert config.feedback.openai.max_cost == 6 and share_of_judge(config, 1) == config
