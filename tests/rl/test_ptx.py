"""PPO-ptx: the likelihood of texts beside the reward."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import nn

from rlaif.errors import UserError
from rlaif.models.value_head import ValueHead
from rlaif.rl.actor_critic.forward import ActorCritic
from rlaif.rl.config import PPOConfig
from rlaif.rl.processes import Processes
from rlaif.rl.ptx import PtxTexts, backward_ptx, pad, read_texts
from rlaif.rl.trainer import PPOTrainer

EOS = 0
TEXTS = [((3, 4), (EOS,)), ((1, 2, 3, 4), (5, 6, EOS)), ((7,), (1, 2, 3, 4, 5)), ((5, 5, 5), (6, EOS))]
PROCESSES = Processes(Accelerator(cpu=True))


def texts() -> PtxTexts:
    return pad([prompt for prompt, _ in TEXTS], [completion for _, completion in TEXTS], torch.device("cpu"))


def config(**changes: Any) -> PPOConfig:
    return dataclasses.replace(PPOConfig(ptx_coef=0.5, per_device_train_batch_size=2), **changes)


def numpy_loss(policy: nn.Module) -> float:
    """Each text alone and whole, its log-softmax in NumPy."""
    total, num_tokens = 0.0, 0
    for prompt, completion in TEXTS:
        with torch.no_grad():
            logits = policy(input_ids=torch.tensor([prompt + completion])).logits[0].double().numpy()
        logprobs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        total -= sum(logprobs[len(prompt) + index - 1, token] for index, token in enumerate(completion))
        num_tokens += len(completion)
    return total / num_tokens


@pytest.mark.parametrize(
    "changes",
    [{}, {"per_device_train_batch_size": 1}, {"max_tokens_per_micro_batch": 8}, {"logprob_chunk_size": 2},
     {"temperature": 0.5}],
)  # fmt: skip
def test_loss_and_gradient_are_those_of_the_plain_formula(
    make_policy: Callable[..., nn.Module], changes: dict[str, Any]
) -> None:
    """Whatever the micro-batches; and at temperature 1, whatever the sampler's is."""
    plain = make_policy(seed=0).eval()
    actor_critic = ActorCritic(copy.deepcopy(plain), ValueHead(32))
    loss = backward_ptx(actor_critic, texts(), config(**changes), PROCESSES)
    assert loss == pytest.approx(numpy_loss(plain), abs=1e-5)

    logprobs = []
    for prompt, completion in TEXTS:
        ids = torch.tensor([prompt + completion])
        steps = torch.arange(len(prompt), ids.shape[1])
        logprobs.append(plain(input_ids=ids).logits[0].log_softmax(-1)[steps - 1, ids[0, steps]])
    (-0.5 * torch.cat(logprobs).mean()).backward()
    for (name, found), wanted in zip(actor_critic.policy.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(found.grad, wanted.grad, atol=1e-5, rtol=1e-4, msg=name)


def test_batches_pass_over_all_texts_again_and_again() -> None:
    def rows(seed: int) -> list[list[int]]:
        batches = texts().batches(3, torch.Generator().manual_seed(seed))
        return [batch.lengths.tolist() for batch in islice(batches, 4)]

    drawn = [length for batch in rows(0) for length in batch]
    assert [sorted(drawn[start : start + 4]) for start in (0, 4, 8)] == [[3, 5, 6, 7]] * 3
    assert rows(0) == rows(0) != rows(1)


ROWS = [{"prompt": "a b", "completion": "c d"}, {"prompt": "c", "completion": "a a a a a a a"}]


def test_texts_are_cut_as_ppos_own(tokenizer: Any) -> None:
    """The EOS counts among the completion's tokens, and a completion that was cut has none."""
    read = read_texts(ROWS, tokenizer, config(max_prompt_length=1, max_completion_length=4), torch.device("cpu"))
    a, b, c, d = (tokenizer.convert_tokens_to_ids(word) for word in "abcd")
    assert read.lengths.tolist() == [4, 5]
    assert read.input_ids[0, :4].tolist() == [b, c, d, tokenizer.eos_token_id]
    assert read.input_ids[1].tolist() == [c, a, a, a, a]
    assert read.action_mask.int().tolist() == [[0, 1, 1, 1, 0], [0, 1, 1, 1, 1]]


def test_rows_without_a_completion_are_refused(tokenizer: Any) -> None:
    with pytest.raises(UserError, match='ptx_dataset: row 1 has no "completion"'):
        read_texts([ROWS[0], {"prompt": "a"}], tokenizer, config(), torch.device("cpu"))
    with pytest.raises(UserError, match="ptx_coef needs rows"):
        read_texts(None, tokenizer, config(), torch.device("cpu"))
    with pytest.raises(UserError, match=r"ptx_coef: -1"):
        config(ptx_coef=-1)


def share_of_a(prompts: list[str], completions: list[str], **columns: Any) -> list[float | None]:
    return [text.split().count("a") / 4 for text in completions]


def test_what_pays_nothing_is_not_forgotten(make_policy: Callable[..., nn.Module], tokenizer: Any) -> None:
    """The reward wants "a" everywhere. With PPO-ptx "c d" stays likely after "a b", without it does not."""

    def train(ptx_coef: float) -> tuple[float, list[dict[str, float]]]:
        logged: list[dict[str, float]] = []
        settings = PPOConfig(
            seed=0, max_completion_length=4, max_prompt_length=4, total_episodes=20 * 32, rollout_batch_size=32,
            learning_rate=3e-3, kl_coef=0.0, num_critic_warmup_rollouts=1, ptx_coef=ptx_coef, ptx_batch_size=4,
        )  # fmt: skip
        trainer = PPOTrainer(
            make_policy(seed=0), share_of_a,
            settings, [{"prompt": "a b"}, {"prompt": "c"}], tokenizer, ptx_dataset=ROWS[:1],
            on_rollout=lambda step, metrics, _: logged.append(metrics),
        )  # fmt: skip
        before = copy.deepcopy(trainer.model.state_dict())
        trainer.train()
        assert any(not torch.equal(before[name], tensor) for name, tensor in trainer.model.state_dict().items())
        read = read_texts(ROWS[:1], tokenizer, settings, torch.device("cpu"))
        actor_critic = ActorCritic(trainer.model, ValueHead(32))
        return backward_ptx(actor_critic, read, settings, PROCESSES), logged

    forgotten, without = train(0.0)
    kept, logged = train(1.0)
    assert kept < 1 < forgotten
    assert logged[-1]["ppo/score_mean"] > 0.1
    assert all("ppo/ptx_loss" not in metrics for metrics in without)
    assert "ppo/ptx_loss" not in logged[0]  # the critic alone
    assert logged[-1]["ppo/ptx_loss"] < logged[1]["ppo/ptx_loss"]
    assert math.isfinite(logged[-1]["ppo/ptx_loss"])
