"""Combinations of well-typed values that make no sense, refused before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from urllib.parse import urlsplit

from rlaif.config import (
    DataSource,
    Environment,
    JudgeKind,
    PairRule,
    PolicyKind,
    TrainConfig,
)
from rlaif.errors import UserError
from rlaif.feedback.static import require_analyses
from rlaif.feedback.strategies import build_strategy
from rlaif.fields import complaints

HUB_OF = {
    Environment.torchhub: "torchhub",
    Environment.hf2023: "huggingface",
    Environment.tf2023: "tensorflow",
}
"""The hub of APIBench whose code an environment is for; none for the others."""


def check(config: TrainConfig) -> None:
    """Raises UserError with the first complaint: one line that names the key and what is allowed."""
    for complaint in chain(
        complaints(config), _paths(config), _data(config), _policy(config), _feedback(config), _rewards(config),
        _ppo(config),
    ):  # fmt: skip
        raise UserError(complaint)


def _paths(config: TrainConfig) -> Iterator[str]:
    paths = {
        "runs_dir": config.runs_dir,
        "policy.path": config.policy.path,
        "feedback.local.path": config.feedback.local.path,
        "feedback.replay.path": config.feedback.replay.path,
    }
    for key, path in paths.items():
        if path and path.startswith("~"):
            yield f"{key}: no shell has put your home in the place of ~ in {path}; write {key}=$HOME/..."


def _data(config: TrainConfig) -> Iterator[str]:
    data = config.data
    if data.source is DataSource.apibench and data.hub not in ("huggingface", "tensorflow", "torchhub"):
        yield f"data.hub: {data.hub!r} is no hub of APIBench; one of huggingface, tensorflow, torchhub"
    if data.source is DataSource.jsonl and not data.train_file:
        yield "data.train_file: data=jsonl needs a file of records: data.train_file=FILE"
    environment = config.execution.environment
    hub = HUB_OF.get(environment)
    if hub is not None and (data.source is DataSource.mini or data.hub not in (None, hub)):
        remedy = "execution=none leaves its runs out"
        yield f"execution: the {environment.value} environment does not run {data.name}; {remedy}"


def _policy(config: TrainConfig) -> Iterator[str]:
    policy = config.policy
    if policy.kind is PolicyKind.pretrained and not policy.path:
        yield "policy.path: a pretrained policy needs a Hub id or a directory: policy.path=..."
    if policy.kind is PolicyKind.responses and not (policy.responses_file or config.data.responses_file):
        yield "policy.responses_file: policy=responses needs a file of recorded answers: policy.responses_file=FILE"
    if policy.kind is PolicyKind.scratch and policy.scratch.width % policy.scratch.num_heads:
        yield f"policy.scratch.width: {policy.scratch.width} is no multiple of num_heads={policy.scratch.num_heads}"
    if policy.kind is PolicyKind.scratch and policy.lora.enabled:
        yield "policy.lora.enabled: a policy from scratch has no weights to adapt; policy.lora.enabled=false"


def _feedback(config: TrainConfig) -> Iterator[str]:
    feedback, questions = config.feedback, config.questions.questions
    if feedback.judge is JudgeKind.openai and not feedback.openai.model:
        yield "feedback.openai.model: feedback=openai needs the name of a model: feedback.openai.model=..."
    if feedback.judge is JudgeKind.local and not feedback.local.path:
        yield "feedback.local.path: feedback=local needs a Hub id or a directory: feedback.local.path=..."
    if feedback.judge is JudgeKind.replay and not feedback.replay.path:
        yield "feedback.replay.path: feedback=replay needs a store's directory or a file: feedback.replay.path=..."
    if feedback.openai.max_cost is not None and not (feedback.openai.input_price or feedback.openai.output_price):
        yield "feedback.openai.max_cost: a cap needs prices: feedback.openai.input_price=... output_price=..."
    try:
        strategy = build_strategy(config.questions, feedback.min_valid)
    except UserError as error:
        yield str(error)
        return
    if feedback.judge is JudgeKind.static and config.questions.strategy != "binary":
        yield f"questions.strategy: {config.questions.strategy} asks an LLM; the static judge only answers yes or no"
    elif feedback.judge is JudgeKind.static:
        try:
            require_analyses(questions)
        except UserError as error:
            yield str(error)
    elif any(not question.text.strip() for question in questions):
        yield "questions.questions: a question without a text asks nothing"
    if feedback.judge is JudgeKind.openai:
        urls: list[str | None] = [*feedback.openai.base_urls] or [feedback.openai.base_url]
        for url in urls:
            if url is not None and not is_web_address(url):
                yield f"feedback.openai.base_url: {url!r} is no address; one such as http://localhost:8000/v1"
    pairs = feedback.pairs
    if pairs.min_margin > strategy.largest_margin and pairs.rule is not PairRule.all:
        yield f"feedback.pairs.min_margin: {pairs.min_margin} is above {strategy.largest_margin}, the most that can be"
    min_valid = config.questions.min_valid or feedback.min_valid
    if config.questions.strategy == "binary" and not 1 <= min_valid <= len(questions):
        yield f"feedback.min_valid: {min_valid} is not in 1..{len(questions)}, the number of questions"
    if feedback.veto and config.execution.environment is Environment.none:
        yield "feedback.veto: nothing can be run with execution=none; feedback.veto=false"
    if config.reward.terms.judge and not strategy.scores_samples:
        yield f"reward.terms.judge: questions.strategy={config.questions.strategy} compares and gives no score; 0"
    if feedback.execute and config.execution.environment is Environment.none:
        yield "feedback.execute: nothing can be run with execution=none; feedback.execute=false"
    if feedback.sampling.num_samples < 2 and not feedback.pairs.with_reference:
        yield "feedback.sampling.num_samples: one sample makes no pair; at least 2, or pairs.with_reference=true"
    if feedback.sampling.temperature <= 0 and feedback.sampling.num_samples > 1:
        yield "feedback.sampling.temperature: greedy samples are all the same; above 0"


def _rewards(config: TrainConfig) -> Iterator[str]:
    if config.policy.kind is PolicyKind.responses:
        return  # nothing is trained
    terms = config.reward.terms
    if not (terms.model or terms.judge or terms.executability):
        yield "reward.terms: every weight is 0, so there is no reward; set one of model, judge, executability"
    if terms.executability and config.execution.environment is Environment.none:
        yield "reward.terms.executability: nothing can be run with execution=none; reward=scalar asks for no run"


def _ppo(config: TrainConfig) -> Iterator[str]:
    trainer = config.trainer
    if trainer.target_kl is not None and trainer.kl_coef == 0:
        yield "trainer.target_kl: needs a kl_coef above 0 to start from"
    if trainer.rollout_batch_size % trainer.num_mini_batches:
        yield (
            f"trainer.num_mini_batches: {trainer.num_mini_batches} does not divide "
            f"rollout_batch_size={trainer.rollout_batch_size}"
        )


def is_web_address(url: str) -> bool:
    """Whether a text is an address that HTTP knows."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
