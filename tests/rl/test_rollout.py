"""What a rollout hands on: where completions end, what they say, and how they ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from rlaif.rl.config import PPOConfig
from rlaif.rl.rollout import Rollout
from rlaif.rl.trainer import PPOTrainer
from tests.models.sentencepiece_like import llama_like

CONFIG = PPOConfig(
    seed=0, max_completion_length=8, max_prompt_length=8, total_episodes=64, rollout_batch_size=64, kl_coef=0.0,
    num_ppo_epochs=1, num_mini_batches=1, missing_eos_penalty=1.0,
)  # fmt: skip
PROMPTS = [{"prompt": text} for text in ("a b", "c", "d e f", "a")]


@pytest.mark.parametrize("compiled", [False, True], ids=["dynamic", "static"])
def test_every_stop_token_ends_a_completion(
    make_policy: Callable[..., Any], tokenizer: Any, tmp_path: Any, compiled: bool
) -> None:
    policy, seen = make_policy(), {}
    policy.generation_config.eos_token_id = [2, 7]
    rollouts: list[Rollout] = []
    logged: list[dict[str, float]] = []

    def length(completions: list[str], finish_reason: list[str], **columns: Any) -> list[float]:
        seen.update(zip(completions, finish_reason, strict=True))
        return [float(len(text.split())) for text in completions]

    def look(step: int, metrics: dict[str, float], rollout: Rollout) -> None:
        rollouts.append(rollout)
        logged.append(metrics)

    config = PPOConfig(**{**CONFIG.to_dict(), "compile_decoding": compiled})
    PPOTrainer(policy, length, config, PROMPTS, tokenizer, on_rollout=look).train()
    (rollout,), (metrics,) = rollouts, logged
    words, stops = ["<eos>", "a", "b", "c", "d", "e", "f", "g"], {0, 2, 7}
    for episode in rollout.episodes:
        *before, last = episode.tokens.ids
        assert not stops & set(before)
        assert episode.ends_with_eos == (last in stops)
        assert last in stops or len(before) == 7
        said = [*before, *[last] * (last not in stops)]
        assert episode.completion == " ".join(words[id] for id in said)
        assert seen[episode.completion] == ("stop" if last in stops else "length")
    assert {2, 7} <= {episode.tokens.ids[-1] for episode in rollout.episodes}
    assert 0 < metrics["ppo/eos_rate"] < 1
    penalised = metrics["ppo/score_mean"] - 1 + metrics["ppo/eos_rate"]
    assert metrics["ppo/reward_mean"] == pytest.approx(penalised, abs=1e-5)


def test_reward_functions_read_what_follows_the_prompt(tmp_path: Any) -> None:
    """With Llama's decoder, a first space is text; a special token that a user added is, too."""
    tokenizer = llama_like(added=("<|fim|>",), eos=True)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    policy = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=32, **shape))
    frequent = tokenizer.convert_tokens_to_ids(["▁▁▁▁", "▁return", "<|fim|>", "</s>", "<0xC3>", "x"])
    policy.lm_head = head_for(frequent, len(tokenizer))
    rollouts: list[Rollout] = []
    seen: list[str] = []

    def keep(completions: list[str], **columns: Any) -> list[float]:
        seen.extend(completions)
        return [0.0] * len(completions)

    PPOTrainer(
        policy, keep, CONFIG, [{"prompt": "def f(x):"}, {"prompt": "x x x x x x x x x x x"}], tokenizer,
        on_rollout=lambda step, metrics, rollout: rollouts.append(rollout),
    ).train()  # fmt: skip
    episodes = rollouts[0].episodes
    for episode in episodes:
        assert episode.prompt_ids[0] == 1 and 2 not in episode.prompt_ids
        completion = [id for id in episode.tokens.ids if id != 2]
        before, whole = (tokenizer.decode([*episode.prompt_ids, *ids]) for ids in ([], completion))
        assert before + episode.completion == whole
    assert seen == [episode.completion for episode in episodes]
    assert any(text.startswith("    ") for text in seen) and any(text.startswith(" return") for text in seen)
    assert any("<|fim|>" in text for text in seen)
    assert {episode.num_prompt_tokens_cut > 0 for episode in episodes} == {True, False}


def head_for(frequent: list[int], vocab_size: int) -> nn.Module:
    """Samples one of the tokens nearly always."""
    head = nn.Linear(16, vocab_size)
    nn.init.zeros_(head.weight)
    head.bias.data.fill_(-20.0)[frequent] = 0.0
    return head
