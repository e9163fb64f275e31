"""A user's own optimizer, and scheduler, train policy and critic."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import peft
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
)
from transformers import get_linear_schedule_with_warmup

from rlaif.errors import UserError
from rlaif.rl.config import PPOConfig
from rlaif.rl.trainer import PPOTrainer

PROMPTS = [{"prompt": text} for text in ("a b", "c", "d e f", "g")]
CONFIG = PPOConfig(
    seed=0, max_completion_length=5, max_prompt_length=8, total_episodes=32, rollout_batch_size=8, num_ppo_epochs=2,
    num_mini_batches=2, learning_rate=1e-3, lr_scheduler_type="constant",
)  # fmt: skip


def share_of_a(prompts: list[str], completions: list[str], **columns: Any) -> list[float]:
    return [text.split().count("a") / 5 for text in completions]


def train(policy: nn.Module, tokenizer: Any, config: PPOConfig = CONFIG, **given: Any) -> PPOTrainer:
    trainer = PPOTrainer(policy, share_of_a, config, PROMPTS, tokenizer, **given)
    trainer.train()
    return trainer


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-3, betas=(0.9, 0.95)),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "adafactor": lambda parameters: torch.optim.Adafactor(parameters, lr=1e-2),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, lr=1e-3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_value_head_is_trained_too(make_policy: Callable[..., nn.Module], tokenizer: Any, name: str) -> None:
    policy = make_policy()
    before = copy.deepcopy(policy.state_dict())
    trainer = train(policy, tokenizer, optimizers=(OPTIMIZERS[name](policy.parameters()), None))
    assert trainer.actor_critic.value_head.linear.weight.abs().max() > 1e-4
    assert any(not torch.equal(tensor, before[key]) for key, tensor in trainer.model.state_dict().items())


def test_the_same_adam_gives_the_same_run(make_policy: Callable[..., nn.Module], tokenizer: Any) -> None:
    ours, policy = train(make_policy(), tokenizer), make_policy()
    theirs = torch.optim.AdamW(policy.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    trainer = train(policy, tokenizer, optimizers=(theirs, None))
    for name, tensor in ours.actor_critic.state_dict().items():
        if not name.endswith("c_attn.bias"):  # a key's bias has no gradient but rounding, which Adam scales up
            torch.testing.assert_close(trainer.actor_critic.state_dict()[name], tensor, atol=1e-5, rtol=1e-4)


def test_the_critics_rate_is_its_own_and_warm_up_leaves_the_policy_alone(
    make_policy: Callable[..., nn.Module], tokenizer: Any
) -> None:
    policy, critic = make_policy(), make_policy(seed=1)
    before = copy.deepcopy(policy.state_dict())
    together = torch.optim.AdamW([*policy.parameters(), *critic.transformer.parameters()], lr=1e-3, weight_decay=0.1)
    config = dataclasses.replace(CONFIG, value_learning_rate=0.05, num_critic_warmup_rollouts=4)
    weight = critic.transformer.h[0].mlp.c_fc.weight.detach().clone()
    trainer = train(policy, tokenizer, config, value_model=critic, optimizers=(together, None))
    assert all(torch.equal(tensor, before[name]) for name, tensor in trainer.model.state_dict().items())
    assert not torch.equal(critic.transformer.h[0].mlp.c_fc.weight, weight)
    rates = {group.get("critic", False): group["lr"] for group in trainer.optimizer.param_groups}
    assert rates == {False: 1e-3, True: 0.05}
    decays = [group["weight_decay"] for group in trainer.optimizer.param_groups]
    assert decays == [0.1, 0.1, 0.0]


SCHEDULERS: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
    "exponential": lambda optimizer: ExponentialLR(optimizer, 0.5),
    "cosine": lambda optimizer: CosineAnnealingLR(optimizer, 4),
    "warm-up": lambda optimizer: get_linear_schedule_with_warmup(optimizer, 2, 4),
    "a function a group": lambda optimizer: LambdaLR(optimizer, [lambda step: 1 / (1 + step)]),
    "one cycle": lambda optimizer: OneCycleLR(optimizer, max_lr=0.01, total_steps=6, cycle_momentum=False),
    "one after another": lambda optimizer: SequentialLR(
        optimizer, [ExponentialLR(optimizer, 0.5), ExponentialLR(optimizer, 0.9)], [2]
    ),
    "chained": lambda optimizer: ChainedScheduler([ExponentialLR(optimizer, 0.5), ExponentialLR(optimizer, 0.9)]),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_scheduler_of_ones_own_goes_on_as_without_the_critic(
    make_policy: Callable[..., nn.Module], tokenizer: Any, name: str
) -> None:
    alone = torch.optim.AdamW([nn.Parameter(torch.zeros(1))], lr=1e-3)
    schedule, expected = SCHEDULERS[name](alone), []
    for _ in range(4):
        expected.append(alone.param_groups[0]["lr"])
        alone.step(), schedule.step()
    policy = make_policy()
    optimizer = torch.optim.AdamW(policy.parameters(), lr=1e-3)
    seen: list[tuple[float, ...]] = []
    config = dataclasses.replace(CONFIG, value_learning_rate=2e-3)
    trainer = PPOTrainer(
        policy, share_of_a, config, PROMPTS, tokenizer, optimizers=(optimizer, SCHEDULERS[name](optimizer)),
        on_rollout=lambda *_: seen.append(tuple(group["lr"] for group in optimizer.param_groups)),
    )  # fmt: skip
    before = tuple(group["lr"] for group in optimizer.param_groups)
    trainer.train()
    rates = [before, *seen[:-1]]  # a scheduler's step comes before on_rollout
    assert [rate for rate, _ in rates] == pytest.approx(expected)
    initial = optimizer.param_groups[0]["initial_lr"]
    assert [rate for _, rate in rates] == pytest.approx([2e-3 * rate / initial for rate in expected])
    assert trainer.actor_critic.value_head.linear.weight.abs().max() > 0


def test_a_resumed_run_has_its_scheduler_again(
    make_policy: Callable[..., nn.Module], tokenizer: Any, tmp_path: Any
) -> None:
    def make(num_rollouts: int) -> PPOTrainer:
        policy = make_policy()
        optimizer = torch.optim.AdamW(policy.parameters(), lr=1e-3)
        config = dataclasses.replace(
            CONFIG, output_dir=str(tmp_path), lr_scheduler_type="linear", total_episodes=8 * num_rollouts, save_steps=2,
            save_total_limit=None,
        )  # fmt: skip
        given = {"optimizers": (optimizer, ExponentialLR(optimizer, 0.5))}
        return PPOTrainer(policy, share_of_a, config, PROMPTS, tokenizer, **given)

    whole = make(4)
    whole.train()
    resumed = make(6)  # the schedule is the user's, so the run may be longer
    resumed.args = dataclasses.replace(resumed.args, total_episodes=32)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    for name, tensor in whole.actor_critic.state_dict().items():
        assert torch.equal(resumed.actor_critic.state_dict()[name], tensor), name


def test_optimizers_that_cannot_train_are_refused(make_policy: Callable[..., nn.Module], tokenizer: Any) -> None:
    def refused(match: str, policy: nn.Module, optimizer: Any, scheduler: Any = None, **given: Any) -> None:
        with pytest.raises(UserError, match=match) as error:
            PPOTrainer(policy, share_of_a, CONFIG, PROMPTS, tokenizer, optimizers=(optimizer, scheduler), **given)
        assert "\n" not in str(error.value)

    policy, other = make_policy(), make_policy()
    refused("not the model's", policy, torch.optim.AdamW(other.parameters()))
    refused("LBFGS computes the loss itself", policy, torch.optim.LBFGS(policy.parameters()))
    optimizer = torch.optim.AdamW(policy.parameters())
    refused("ReduceLROnPlateau", policy, optimizer, ReduceLROnPlateau(optimizer))
    config = peft.LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True)
    refused("none of the model's trainable", policy, torch.optim.AdamW(policy.parameters()), peft_config=config)


def test_an_optimizer_of_named_parameters_names_the_critics_too(
    make_policy: Callable[..., nn.Module], tokenizer: Any
) -> None:
    policy, critic = make_policy(), make_policy(seed=5)
    both = [*policy.named_parameters(), *((f"mine.{name}", one) for name, one in critic.named_parameters())]
    optimizer = torch.optim.AdamW(both, lr=1e-3)
    names = {id(one): name for name, one in both}
    trainer = train(policy, tokenizer, optimizers=(optimizer, None), value_model=critic)
    assert trainer.actor_critic.value_head.linear.weight.abs().max() > 1e-4
    for group in optimizer.param_groups:
        assert len(group["param_names"]) == len(group["params"])
        of_policy = [names[id(one)] for one in group["params"]] if not group.get("critic") else group["param_names"]
        assert group["param_names"] == of_policy


def test_optimizers_are_a_pair(make_policy: Callable[..., nn.Module], tokenizer: Any) -> None:
    policy = make_policy()
    optimizer = torch.optim.AdamW(policy.parameters())
    for given in (optimizer, (optimizer,), (torch.optim.AdamW, None), (None, None, None)):
        with pytest.raises(UserError, match="give a pair"):
            PPOTrainer(policy, share_of_a, CONFIG, PROMPTS, tokenizer, optimizers=given)  # type: ignore[arg-type]
