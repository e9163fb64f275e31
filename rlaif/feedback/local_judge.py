"""The transport to a transformers chat model in this process."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from rlaif.config import LocalJudgeConfig
from rlaif.data.thought import has_marks
from rlaif.errors import UserError
from rlaif.feedback.exchange import EMPTY, Reply, Request, TokenLogprobs
from rlaif.feedback.local_prompt import LocalPrompt
from rlaif.feedback.thought import EMPTY_THOUGHTS, begins_a_thought, may_begin_a_thought
from rlaif.feedback.work import HELD_POLL_S, Job, Work
from rlaif.models.device import computes_in_bf16, current_device, seeded
from rlaif.models.heads import head_of
from rlaif.models.padding import pad_right
from rlaif.models.stop_tokens import named_stop_ids
from rlaif.models.trunk import trunk_of

TOP_TOKENS = 20
MARK_TOKENS = 8
"""Of the mark that begins a thought, where it is no token of its own."""
BATCHES_TAKEN = 16
"""So many batches are taken at once and sorted by length, so that little is padded."""


class LocalModel:
    """Answers requests that expect a word with the log-probabilities at the first position of the answer: of the 20
    most likely tokens and of every token, over the whole vocabulary, that spells one of the request's words.
    Requests that expect a text, several answers, or votes, are generated.

    A word is read without generating anything, so without a thought: `local_prompt` leaves it out, and where a model
    begins one nevertheless, the answer is read behind an empty one. What is generated may think, within `max_tokens`.

    Its weights are loaded with the first request; when the store has all replies, never.

    Raises:
        UserError: there is no model at the path, or its vocabulary has no token for a word.
    """

    def __init__(self, config: LocalJudgeConfig, device: str | None = None) -> None:
        if not config.path:
            raise UserError("feedback.local.path: a Hub id or a directory is needed")
        self._path = config.path
        self._config = config
        self._device = torch.device(device) if device else current_device()
        _load(AutoConfig, self._path)
        _ = self._tokenizer  # now, and not after hours of sampling

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
        }

    def decides(self, request: Request) -> Mapping[str, object]:
        asked = {"messages": request.messages, "words": request.words, "expects_text": request.expects == "text"}
        if _is_generated(request):
            asked |= {"max_tokens": request.max_tokens, "temperature": request.temperature}
            asked |= {"num_samples": request.num_samples}
        elif self._prompt.can_think:
            asked |= {"thinks": False}
        return {**self._identity, **asked}

    def run(self, work: Work) -> None:
        """Batch by batch, prompts of like length together. A prompt above `max_prompt_tokens` is not cut: its reply
        is unreadable."""
        while not work.finished:
            jobs = self._take(work)
            if not jobs:
                time.sleep(HELD_POLL_S)
                continue
            self._answer_all(work, jobs)

    def close(self) -> None:
        pass

    def _take(self, work: Work) -> list[Job]:
        jobs: list[Job] = []
        while len(jobs) < BATCHES_TAKEN * self._config.batch_size and (job := work.take()) is not None:
            jobs.append(job)
        return jobs

    def _answer_all(self, work: Work, jobs: Sequence[Job]) -> None:
        encoded = [(job, self.encode(job.request)) for job in jobs]
        scored: list[tuple[Job, list[int]]] = []
        for job, ids in encoded:
            if len(ids) > self._config.max_prompt_tokens:
                reason = f"the prompt has {len(ids)} tokens, max_prompt_tokens={self._config.max_prompt_tokens}"
                self._keep(work, job, Reply((), unreadable=reason, num_input_tokens=len(ids)))
            elif _is_generated(job.request):
                self._keep(work, job, self._generated(job, ids))
            else:
                scored.append((job, ids))
        scored.sort(key=lambda one: -len(one[1]))
        for start in range(0, len(scored), self._config.batch_size):
            batch = scored[start : start + self._config.batch_size]
            logprobs = self._logprobs([ids for _, ids in batch])
            for (job, ids), row in zip(batch, logprobs, strict=True):
                self._keep(work, job, self._scored(job.request, len(ids), self._behind_a_thought(ids, row)))

    def _keep(self, work: Work, job: Job, reply: Reply) -> None:
        work.answered(job, reply)
        work.keep(job, reply, {"asked_model": self._path, "started": round(time.time(), 4), "cost": 0.0})

    def encode(self, request: Request) -> list[int]:
        """Token ids up to the first position of the answer; where the reply is generated, of the thought before it."""
        return self._prompt.ids(request.messages, thinks=_is_generated(request))

    def _behind_a_thought(self, ids: list[int], logprobs: torch.Tensor) -> torch.Tensor:
        """The log-probabilities after an empty thought, where the model would begin one; else those given."""
        token = str(self._tokenizer.decode([int(logprobs.argmax())]))
        if not may_begin_a_thought(token):
            return logprobs
        mark = begins_a_thought(token)
        if not mark:  # it may be the first piece of one
            (row,) = self._continued(ids, {"do_sample": False, "max_new_tokens": MARK_TOKENS}, 0).tolist()
            mark = begins_a_thought(str(self._tokenizer.decode(row)))
        return self._logprobs([[*ids, *self._prompt.more_ids(EMPTY_THOUGHTS[mark])]])[0] if mark else logprobs

    def _scored(self, request: Request, num_input_tokens: int, logprobs: torch.Tensor) -> Reply:
        """The first position of the answer, read without generating anything."""
        spelling = self._spelling(request.words)
        top = self._top(logprobs, spelling)
        best = max(spelling, key=lambda one: float(logprobs[one])) if spelling else int(logprobs.argmax())
        token = self._token(best)
        tokens = (TokenLogprobs(token, top),)
        return Reply((token.strip("Ġ▁ "),), tokens, "stop", self._path, num_input_tokens, 1)

    def _generated(self, job: Job, ids: list[int]) -> Reply:
        """Texts sampled, or the most likely one; the seed is the request's key, so that it can be had again."""
        request = job.request
        sampling: dict[str, Any] = {"do_sample": False}
        if request.temperature > 0:
            sampling = {"do_sample": True, "temperature": request.temperature, "top_k": 0, "top_p": 1.0}
            sampling["num_return_sequences"] = request.num_samples
        rows = self._continued(ids, {**sampling, "max_new_tokens": request.max_tokens}, int(job.key[:15], 16))
        texts = tuple(self._prompt.opened_thought + self._text(row) for row in rows.tolist())
        is_cut_off = [rows.shape[1] >= request.max_tokens and self._stop_ids.isdisjoint(row) for row in rows.tolist()]
        if request.temperature <= 0:
            texts *= request.num_samples
            is_cut_off *= request.num_samples
        finishes = tuple("length" if one else "stop" for one in is_cut_off)
        unreadable = "" if any(text.strip() for text in texts) else EMPTY
        # A list's answers have log-probabilities too; those of votes are shares already.
        tokens = (
            self._tokens_along(request.words, ids, rows[0].tolist())
            if request.words and request.num_samples == 1
            else ()
        )
        return Reply(
            texts, tokens, finishes[0], self._path, len(ids), rows.numel(), unreadable,
            finish_reasons=finishes if len(finishes) > 1 else (),
        )  # fmt: skip

    def _text(self, row: list[int]) -> str:
        """What was generated, up to a stop token. Special tokens are left out, but for those that mark a thought."""
        ends = next((at for at, one in enumerate(row) if one in self._stop_ids), len(row))
        plain = str(self._tokenizer.decode(row, skip_special_tokens=True))
        marked = str(self._tokenizer.decode(row[:ends], skip_special_tokens=False))
        return marked if has_marks(marked) and not has_marks(plain) else plain

    @torch.no_grad()
    def _continued(self, ids: list[int], generation: dict[str, Any], seed: int) -> torch.Tensor:
        """[sequences, at most max_new_tokens] generated ids."""
        inputs = torch.tensor([ids], device=self._device)
        with seeded(seed):
            output: torch.Tensor = self._model.generate(
                inputs, attention_mask=torch.ones_like(inputs), pad_token_id=self._tokenizer.pad_token_id or 0,
                eos_token_id=sorted(self._stop_ids) or None, **generation,
            )  # fmt: skip
        return output[:, len(ids) :]

    @torch.no_grad()
    def _logprobs(self, prompts: Sequence[list[int]]) -> torch.Tensor:
        """[prompts, vocabulary] at the position after each prompt.

        One forward pass, padded on the right, where no architecture's tokens see it.
        """
        ids, mask = (table.to(self._device) for table in pad_right(prompts, 0))
        hidden = trunk_of(self._model)(input_ids=ids, use_cache=False).last_hidden_state
        last = hidden[torch.arange(len(ids), device=ids.device), mask.sum(1) - 1]
        logprobs: torch.Tensor = head_of(self._model)(last).float().log_softmax(dim=-1)
        return logprobs

    @torch.no_grad()
    def _tokens_along(self, words: Sequence[str], ids: list[int], row: list[int]) -> tuple[TokenLogprobs, ...]:
        """Each generated token with its log-probability and those of the alternatives."""
        sequence = torch.tensor([[*ids, *row]], device=self._device)
        hidden = trunk_of(self._model)(input_ids=sequence, use_cache=False).last_hidden_state[0, len(ids) - 1 : -1]
        tokens = []
        for at, one in enumerate(row):
            logprobs = head_of(self._model)(hidden[at : at + 1])[0].float().log_softmax(dim=-1)
            tokens.append(TokenLogprobs(self._token(one), self._top(logprobs, [one, *self._spelling(words)])))
        return tuple(tokens)

    def _top(self, logprobs: torch.Tensor, others: Sequence[int]) -> tuple[tuple[str, float], ...]:
        """The most likely tokens and those others, each with its log-probability."""
        most_likely = logprobs.topk(min(TOP_TOKENS, len(logprobs))).indices.tolist()
        ids = list(dict.fromkeys([*most_likely, *others]))
        return tuple((self._token(one), logprob) for one, logprob in zip(ids, logprobs[ids].tolist(), strict=True))

    def _spelling(self, words: Sequence[str]) -> list[int]:
        """Ids of the tokens that spell one of the words, or, of a word of several tokens, begin it."""
        found: list[int] = []
        for word in words:
            ids = self._ids_by_word.get(word.casefold(), [])
            if not ids and words in (("yes", "no"), ("no", "yes")):
                raise UserError(
                    f"feedback.local.path: {self._path} has no token for yes or none for no; it cannot judge"
                )
            found += ids
        return found

    def _token(self, index: int) -> str:
        return str(self._tokenizer.convert_ids_to_tokens(index))

    @cached_property
    def _ids_by_word(self) -> dict[str, list[int]]:
        ids: dict[str, list[int]] = {}
        for token, index in sorted(self._tokenizer.get_vocab().items(), key=lambda item: item[1]):
            ids.setdefault(bare(token), []).append(index)
        return ids

    @cached_property
    def _stop_ids(self) -> frozenset[int]:
        return named_stop_ids(self._model, self._tokenizer)

    @cached_property
    def _prompt(self) -> LocalPrompt:
        return LocalPrompt(self._tokenizer)

    @cached_property
    def _tokenizer(self) -> Any:
        return _load(AutoTokenizer, self._path)

    @cached_property
    def _model(self) -> Any:
        return _load(AutoModelForCausalLM, self._path, dtype=self._dtype).to(self._device).eval()

    @property
    def _dtype(self) -> torch.dtype:
        is_fast = self._device.type != "cpu" and computes_in_bf16(self._device)
        return torch.bfloat16 if is_fast else torch.float32


def bare(token: str) -> str:
    """A token without what surrounds a word: "Yes", " yes", "YES", "Ġyes", "**Yes" are all yes."""
    return token.strip(" \t\r\n.,:;!*'\"`_Ġ▁Ċ").casefold()


def _is_generated(request: Request) -> bool:
    return request.expects == "text" or request.num_samples > 1 or request.num_answers > 1


def _load(kind: Any, path: str, **options: Any) -> Any:
    try:
        return kind.from_pretrained(path, **options)
    except Exception as error:  # damaged files raise whatever their readers do
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
