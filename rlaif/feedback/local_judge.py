"""The LLM judge in this process: a transformers chat model's probability of saying yes."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jinja2 import TemplateError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from rlaif.config import LocalJudgeConfig
from rlaif.errors import UserError
from rlaif.feedback.judge import Item
from rlaif.feedback.questions import Prompt, QuestionSet
from rlaif.feedback.yes_no import YesNo, word_of
from rlaif.records import Answer

ANSWER_CUE = "\n\nAnswer:"
"""Ends the plain prompt of a model without a chat template."""


class LocalJudge:
    """p_yes = Y / (Y + N) with Y and N the softmax mass, over the whole vocabulary, of the tokens
    that spell yes and no, at the first position of the answer.

    The model is loaded with the first question; when the label store has all answers, never.

    Raises:
        UserError: there is no model at the path, or its vocabulary has no token for yes or no.
    """

    def __init__(self, config: LocalJudgeConfig, questions: QuestionSet, device: str | None = None) -> None:
        if not config.path:
            raise UserError("feedback.local.path: a Hub id or a directory is needed")
        self._path = config.path
        self._config = config
        self._questions = questions
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))

    @property
    def name(self) -> str:
        return f"local:{self._path}"

    @cached_property
    def _identity(self) -> dict[str, object]:
        return {
            "judge": "local",
            "weights": weights_digest(self._path),
            "dtype": str(self._dtype),
            "max_prompt_tokens": self._config.max_prompt_tokens,
            "questions_version": self._questions.version,
        }

    def identity(self) -> Mapping[str, object]:
        return self._identity

    def reads(self, item: Item) -> Mapping[str, object]:
        prompt = self._prompt(item)
        return {"system": prompt.system, "user": prompt.user}

    def answer(self, items: Sequence[Item]) -> Iterator[Answer]:
        """Answers batch by batch, prompts of like length together. A prompt above
        `max_prompt_tokens` is not cut: its answer is invalid."""
        encoded = [self.encode(self._prompt(item)) for item in items]
        fitting: list[int] = []
        for index, token_ids in enumerate(encoded):
            if len(token_ids) <= self._config.max_prompt_tokens:
                fitting.append(index)
            else:
                yield self._too_long(items[index], len(token_ids))
        fitting.sort(key=lambda index: -len(encoded[index]))
        for start in range(0, len(fitting), self._config.batch_size):
            batch = fitting[start : start + self._config.batch_size]
            masses = self._masses([encoded[index] for index in batch])
            for index, mass in zip(batch, masses, strict=True):
                yield self._answer(items[index], mass)

    def encode(self, prompt: Prompt) -> list[int]:
        """Token ids up to the first position of the answer."""
        if self._tokenizer.chat_template is None:
            text = f"{prompt.system}\n\n{prompt.user}{ANSWER_CUE}"
            return list(self._tokenizer(text)["input_ids"])
        messages = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
        try:
            text = self._chat(messages)
        except TemplateError:  # some templates refuse a system message
            text = self._chat([{"role": "user", "content": f"{prompt.system}\n\n{prompt.user}"}])
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _chat(self, messages: list[dict[str, str]]) -> str:
        text: str = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return text

    @torch.no_grad()
    def _masses(self, prompts: Sequence[list[int]]) -> list[YesNo]:
        """Yes and no mass of each prompt. One forward pass, padded on the left."""
        width = max(map(len, prompts))
        pad_id = self._tokenizer.pad_token_id or 0
        ids = torch.full((len(prompts), width), pad_id, device=self._device)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt, device=self._device)
            mask[row, width - len(prompt) :] = 1
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        if "position_ids" in self._forward_parameters:
            inputs["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)
        if "logits_to_keep" in self._forward_parameters:
            inputs["logits_to_keep"] = 1
        probs = self._model(**inputs).logits[:, -1].float().softmax(dim=-1)
        yes_ids, no_ids = self._answer_ids
        yes, no = probs[:, yes_ids].sum(dim=1), probs[:, no_ids].sum(dim=1)
        return [YesNo(*both) for both in zip(yes.tolist(), no.tolist(), strict=True)]

    def _prompt(self, item: Item) -> Prompt:
        return self._questions.render(item.question, item.example.instruction, item.sample.text)

    def _answer(self, item: Item, mass: YesNo) -> Answer:
        if not mass.yes + mass.no > 0:
            return Answer(item.sample.id, item.question.id, None, self.name, "logprobs", "", "no mass on yes or no")
        return Answer(item.sample.id, item.question.id, mass.p_yes, self.name, "logprobs", mass.evidence)

    def _too_long(self, item: Item, num_tokens: int) -> Answer:
        reason = f"the prompt has {num_tokens} tokens, max_prompt_tokens={self._config.max_prompt_tokens}"
        return Answer(item.sample.id, item.question.id, None, self.name, "logprobs", "", reason)

    @cached_property
    def _tokenizer(self) -> Any:
        return _load(AutoTokenizer, self._path)

    @cached_property
    def _model(self) -> Any:
        return _load(AutoModelForCausalLM, self._path, dtype=self._dtype).to(self._device).eval()

    @cached_property
    def _forward_parameters(self) -> frozenset[str]:
        return frozenset(inspect.signature(self._model.forward).parameters)

    @cached_property
    def _answer_ids(self) -> tuple[list[int], list[int]]:
        """Ids of the tokens that spell yes, and of those that spell no."""
        ids: dict[str, list[int]] = {"yes": [], "no": []}
        for token, index in self._tokenizer.get_vocab().items():
            word = word_of(token)
            if word is not None:
                ids[word].append(index)
        if not (ids["yes"] and ids["no"]):
            raise UserError(f"feedback.local.path: {self._path} has no token for yes or none for no; it cannot judge")
        return sorted(ids["yes"]), sorted(ids["no"])

    @property
    def _dtype(self) -> torch.dtype:
        return torch.bfloat16 if self._device.type == "cuda" else torch.float32


def _load(kind: Any, path: str, **options: Any) -> Any:
    try:
        return kind.from_pretrained(path, **options)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"feedback.local.path: {path} cannot be loaded: {reason}") from None


SAMPLED_BYTES = 1 << 20


def weights_digest(path: str) -> str:
    """What tells one model from another: of a Hub id its commit; of a directory a digest over every
    file's name, size, and first and last megabyte, so that other weights under one name differ."""
    directory = Path(path)
    if not directory.is_dir():
        commit = getattr(_load(AutoConfig, path), "_commit_hash", None)
        return f"{path}@{commit}"
    digest = hashlib.sha256()
    for file in sorted(directory.iterdir()):
        if not file.is_file():
            continue
        size = file.stat().st_size
        digest.update(f"{file.name}\0{size}\0".encode())
        with file.open("rb") as content:
            digest.update(content.read(SAMPLED_BYTES))
            content.seek(max(0, size - SAMPLED_BYTES))
            digest.update(content.read(SAMPLED_BYTES))
    return digest.hexdigest()
