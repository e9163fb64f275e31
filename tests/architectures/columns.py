"""What has to be right of an architecture, each against forward passes of the untouched model over single sequences."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from rlaif.config import RewardHead
from rlaif.errors import UserError
from rlaif.models.generation import decode_batch
from rlaif.models.policy import Policy
from rlaif.models.reward_model import RewardModel
from rlaif.models.supervised import TrainingText, batch_loss, collate, completion_loss, takes_window
from rlaif.rl.config import PPOConfig
from rlaif.rl.padding import pad_sequences
from rlaif.rl.sampling.sampler import SampledTokens, sample
from rlaif.rl.trainer import PPOTrainer
from tests.architectures.configs import EOS, PADDING, VOCAB_SIZE, build
from tests.rl.conftest import build_tokenizer

PROMPTS = [[7, 8, 9, 10, 11, 12, 13], [41], [5, 0, 6, 52], [30, 31, 32, 33]]
STEPS = 6
EXACT = 1e-4
"""Nats, in fp32."""
ROUGH = 0.35
"""Nats, the middle one: what bfloat16 makes of weights as large as these."""
NOISE = 0.4
"""Of every dropout, layer drop and router noise that a config has."""


class Subject:
    """An architecture: its untouched model, and a trainer of another that is the same."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.model = build(name)
        self.tokenizer = build_tokenizer([str(number) for number in range(VOCAB_SIZE)])
        self.tokenizer.eos_token, self.tokenizer.pad_token = str(EOS), str(PADDING)

    def trainer(self, model: Any, **changes: Any) -> PPOTrainer:
        config = PPOConfig(
            max_completion_length=STEPS, max_prompt_length=8, rollout_batch_size=4, total_episodes=4, kl_coef=0.0,
            **changes,
        )  # fmt: skip
        return PPOTrainer(model, lambda completions, **_: [0.0] * len(completions), config, TEXTS, self.tokenizer)

    @cached_property
    def plain(self) -> PPOTrainer:
        return self.trainer(build(self.name))

    @cached_property
    def sampled(self) -> list[SampledTokens]:
        return self.sample()

    def sample(self, trainer: PPOTrainer | None = None, **options: Any) -> list[SampledTokens]:
        """Rows that end at different steps."""
        uniforms = torch.rand(len(PROMPTS), STEPS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        uniforms[0, 2] = uniforms[3, 0] = 0.0  # the first token of the vocabulary, which ends a row
        return sample(
            (trainer or self.plain).actor_critic, PROMPTS, eos_token_id=0, max_new_tokens=STEPS, temperature=0.7,
            uniforms=uniforms, batch_size=len(PROMPTS), **options,
        )  # fmt: skip

    def alone(self, prompt: Sequence[int], answer: Sequence[int], temperature: float = 0.7) -> Tensor:
        """Log-probabilities of an answer's tokens [T], by the untouched model."""
        return alone(self.model, prompt, answer, temperature)

    def expected(self, sampled: Sequence[SampledTokens]) -> Tensor:
        """Of the answers' tokens, row after row."""
        with torch.no_grad():
            return torch.cat([self.alone(*row) for row in zip(PROMPTS, (one.ids for one in sampled), strict=True)])


TEXTS = [{"prompt": " ".join(map(str, ids))} for ids in PROMPTS]


def alone(model: Any, prompt: Sequence[int], answer: Sequence[int], temperature: float) -> Tensor:
    logits = model(input_ids=torch.tensor([[*prompt, *answer]]), use_cache=False).logits[0].float() / temperature
    return logits.log_softmax(1)[len(prompt) - 1 : -1].gather(1, torch.tensor(answer)[:, None])[:, 0]


def logprobs(sampled: Sequence[SampledTokens]) -> Tensor:
    return torch.cat([one.logprobs for one in sampled])


def require_close(found: Tensor, expected: Tensor, tolerance: float = EXACT) -> None:
    off = (found - expected).abs().max().item() if found.isfinite().all() else float("inf")
    assert off <= tolerance, f"off by {off:.2g}"


def sampler(subject: Subject) -> None:
    """PPO's."""
    found = subject.sampled
    assert len({len(one.ids) for one in found}) > 1
    require_close(logprobs(found), subject.expected(found))


def generation(subject: Subject) -> None:
    """The other stages' sampler; the least likely tokens vary more than the most likely ones."""

    def least_likely(stop: int) -> list[list[int]]:
        return decode_batch(
            subject.model, PROMPTS, eos_token_id=stop, max_new_tokens=STEPS,
            choose=lambda logits, rows: logits.argmin(1),
        )

    for prompt, answer in zip(PROMPTS, whole := least_likely(-1), strict=True):
        with torch.no_grad():
            logits = subject.model(input_ids=torch.tensor([[*prompt, *answer]]), use_cache=False).logits[0]
        logits = logits[len(prompt) - 1 : -1].log_softmax(1)
        require_close(logits.gather(1, torch.tensor(answer)[:, None])[:, 0], logits.amin(1))
    for stop in {token for answer in whole for token in answer}:
        ended = [answer[: answer.index(stop) + 1] if stop in answer else answer for answer in whole]
        if len({len(answer) for answer in ended}) > 1:
            break
    assert len({len(answer) for answer in ended}) > 1
    assert least_likely(stop) == ended, "rows that end change the others"


def training_pass(subject: Subject) -> None:
    ids, mask, _ = pad_sequences(PROMPTS, [one.ids for one in subject.sampled])
    with torch.no_grad():
        found = subject.plain.actor_critic(ids, mask, temperature=0.7)
    require_close(found.logprobs[mask], subject.expected(subject.sampled))
    assert found.values[mask].isfinite().all()


def gradients(subject: Subject) -> None:
    answers = [one.ids for one in subject.sampled]
    ids, mask, _ = pad_sequences(PROMPTS, answers)
    weights = torch.linspace(-1, 1.3, int(mask.sum()))
    policy = subject.plain.model
    policy.zero_grad()
    (subject.plain.actor_critic(ids, mask, temperature=0.7).logprobs[mask] * weights).sum().backward()
    subject.model.zero_grad()
    rows = zip(PROMPTS, answers, strict=True)
    (torch.cat([subject.alone(*row) for row in rows]) * weights).sum().backward()
    require_same_gradients(policy, subject.model)


def require_same_gradients(model: Any, expected: Any) -> None:
    wanted = {name: one.grad for name, one in expected.named_parameters() if one.grad is not None}
    scale = max(float(one.abs().max()) for one in wanted.values())
    for name, one in model.named_parameters():
        if name in wanted or one.grad is not None:
            found = torch.zeros_like(one) if one.grad is None else one.grad
            require_close(found / scale, wanted.get(name, torch.zeros_like(one)) / scale)


def recomputing(subject: Subject) -> None:
    """With gradient checkpointing, and every dropout on: the first ratio is 1, and the layers do run twice."""
    noise = {
        name: NOISE for name, value in subject.model.config.to_dict().items()
        if ("drop" in name or "jitter" in name) and isinstance(value, (int, float)) and not isinstance(value, bool)
    }  # fmt: skip
    trainer = subject.trainer(build(subject.name, **noise).train(), gradient_checkpointing=True)
    found = subject.sample(trainer)
    ids, mask, _ = pad_sequences(PROMPTS, [one.ids for one in found])
    runs = count_runs(trainer.model)
    scores = trainer.actor_critic(ids, mask, temperature=0.7)
    forward = sum(runs.values())
    scores.logprobs[mask].sum().backward()
    require_close(scores.logprobs[mask].detach(), logprobs(found))
    assert sum(runs.values()) > 1.5 * forward, "little is computed again"


def count_runs(model: Any) -> dict[Any, int]:
    """How often each module without children runs, from now on."""
    runs: dict[Any, int] = {}

    def count(module: Any, *_: Any) -> None:
        runs[module] = runs.get(module, 0) + 1

    for module in model.modules():
        if not any(module.children()):
            module.register_forward_hook(count)
    return runs


def static_fp32(subject: Subject) -> None:
    found = subject.sample(compiled=True)
    require_close(logprobs(found), subject.expected(found))


def static_bf16(subject: Subject) -> None:
    trainer = subject.trainer(build(subject.name), bf16=True)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        found = subject.sample(trainer, compiled=True)
        ids, mask, _ = pad_sequences(PROMPTS, [one.ids for one in found])
        trained = trainer.actor_critic(ids, mask, temperature=0.7).logprobs[mask]
    assert logprobs(found).isfinite().all()
    off = (logprobs(found) - trained).abs().median().item()
    assert off <= ROUGH, f"off by {off:.2g}"


def save_and_reload(subject: Subject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        subject.plain.write_policy(Path(directory), None)
        loaded = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    with torch.no_grad():
        for prompt in PROMPTS:
            require_close(alone(loaded, prompt[:1], prompt, 1.0), alone(subject.model, prompt[:1], prompt, 1.0))


def supervised_loss(subject: Subject) -> None:
    """In training and in validation: the mean over the completions' tokens, and its gradient."""
    answers = [one.ids for one in subject.sampled]
    texts = [TrainingText((*row, *answer), len(row)) for row, answer in zip(PROMPTS, answers, strict=True)]
    model = copy.deepcopy(subject.model)
    batch = collate(texts, PADDING, window=takes_window(model))
    loss = batch_loss(model, batch)
    loss.backward()
    subject.model.zero_grad()
    expected = -torch.cat([subject.alone(*row, temperature=1.0) for row in zip(PROMPTS, answers, strict=True)]).mean()
    expected.backward()
    require_close(loss.detach(), expected.detach())
    require_same_gradients(model, subject.model)
    policy = Policy(model, subject.tokenizer)
    require_close(torch.tensor(completion_loss(policy, texts, 3)), expected.detach())


def reward_model(subject: Subject) -> None:
    """Padded on either side, and saved and loaded again."""
    policy = Policy(build(subject.name), subject.tokenizer)
    model = RewardModel.from_policy(policy, RewardHead.scalar, max_prompt_tokens=8, max_new_tokens=8, seed=0).eval()
    rows = [[*prompt, EOS] for prompt in PROMPTS]
    longest = max(map(len, rows))
    with torch.no_grad():
        hidden = [model.trunk(input_ids=torch.tensor([row]), use_cache=False).last_hidden_state[0, -1] for row in rows]
        expected = model.head(torch.stack(hidden))[:, 0]
        for left in (False, True):
            padding = [[PADDING] * (longest - len(row)) for row in rows]
            ids = [pad + row if left else row + pad for pad, row in zip(padding, rows, strict=True)]
            mask = [[0] * len(pad) + [1] * len(row) if left else [1] * len(row) + [0] * len(pad)
                    for pad, row in zip(padding, rows, strict=True)]  # fmt: skip
            require_close(model(torch.tensor(ids), torch.tensor(mask)), expected)
        with tempfile.TemporaryDirectory() as directory:
            model.save(Path(directory))
            loaded = RewardModel.load(Path(directory))
        require_close(loaded(torch.tensor(ids), torch.tensor(mask)), expected)


COLUMNS: dict[str, Callable[[Subject], None]] = {
    "PPO's sampler": sampler,
    "sampler": generation,
    "training pass": training_pass,
    "gradients": gradients,
    "recomputed layers": recomputing,
    "static, fp32": static_fp32,
    "static, bf16": static_bf16,
    "save and load": save_and_reload,
    "SFT's loss": supervised_loss,
    "reward model": reward_model,
}


def cell(subject: Subject, check: Callable[[Subject], None]) -> str:
    """ "right", "refused" where nothing is done but to say so, or how it is wrong."""
    try:
        check(subject)
    except UserError:
        return "refused"
    except Exception as error:
        return f"wrong: {type(error).__name__}: {str(error).splitlines()[0][:80] if str(error) else ''}"
    return "right"
