"""One way to a data set: read its source, split it, cut it, and look for leakage."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rlaif.config import DataConfig, DataSource, DataSplit, MiniConfig
from rlaif.data.api_database import database_of, read_database
from rlaif.data.apibench import read_apibench
from rlaif.data.jsonl import read_jsonl
from rlaif.data.leakage import Leakage, measure_leakage
from rlaif.data.lines import Problem
from rlaif.data.locate import MissingFile, apibench_file, hub_name, user_file
from rlaif.data.locate import responses_path as responses_path  # stages ask here for all that is data
from rlaif.data.split import cut, split_off
from rlaif.errors import UserError
from rlaif.records import ApiRow, Example, Split

MAX_PROBLEMS_SHOWN = 5


@dataclass(frozen=True)
class Dataset:
    """The examples of all splits, the API database, and what is to be known about them."""

    examples: list[Example]
    database: list[ApiRow]
    problems: list[Problem]
    leakage: Leakage

    @property
    def train(self) -> list[Example]:
        return [example for example in self.examples if example.split == "train"]

    @property
    def validation(self) -> list[Example]:
        return [example for example in self.examples if example.split == "validation"]

    @property
    def eval(self) -> list[Example]:
        return [example for example in self.examples if example.split == "eval"]

    def describe(self) -> list[str]:
        """Lines to print: sizes, leakage, and the malformed records with the first of them."""
        sizes = f"{len(self.train)} train, {len(self.validation)} validation, {len(self.eval)} eval"
        lines = [f"data: {sizes}; {len(self.database)} API rows", self.leakage.describe()]
        if self.problems:
            dropped = sum(problem.dropped for problem in self.problems)
            lines.append(f"{len(self.problems)} records with problems, {dropped} of them left out; the first:")
            lines += [f"  {problem}" for problem in self.problems[:MAX_PROBLEMS_SHOWN]]
        return lines


@dataclass(frozen=True)
class SourceFiles:
    """The files that a config reads; None where it has no such file."""

    train: Path | None
    eval: Path | None
    database: Path | None


def load_dataset(config: DataConfig) -> Dataset:
    """Read, split and check. The same config and files give the same data set.

    Raises UserError where files are missing or hold nothing usable, or a split comes out empty.
    """
    examples, database, problems = _read_source(config)
    if config.split is DataSplit.seeded:
        examples = _seeded_split(examples, config)
    examples = cut(examples, ("eval",), config.max_eval, config.split_seed)
    examples = cut(examples, ("train", "validation"), config.max_train, config.split_seed)
    if not any(example.split == "validation" for example in examples):
        examples = split_off(examples, config.validation_fraction, config.split_seed, "validation")
    _check_splits(examples, config)
    fitted = [example for example in examples if example.split != "eval"]
    leakage = measure_leakage(fitted, [example for example in examples if example.split == "eval"])
    return Dataset(examples, database or database_of(fitted), problems, leakage)


def source_digest(config: DataConfig) -> str:
    """SHA-256 over what the data come from: the files' contents, or the generator and its parameters."""
    digest = hashlib.sha256(config.source.name.encode())
    if config.source is DataSource.mini:
        parameters = {field.name: getattr(config.mini, field.name) for field in dataclasses.fields(MiniConfig)}
        digest.update(repr(parameters).encode())
        paths: list[Path | None] = [*sorted((Path(__file__).parent / "mini").glob("*.py"))]
    else:
        files = _source_files(config)
        paths = [files.train, files.eval, files.database]
    for path in paths:
        content = path.read_bytes() if path else b""
        digest.update(f"{path.name if path else None}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def _read_source(config: DataConfig) -> tuple[list[Example], list[ApiRow], list[Problem]]:
    if config.source is DataSource.mini:
        from rlaif.data.mini import generate

        if config.split is DataSplit.seeded:
            raise UserError("data.split: data=mini makes its own splits, which share no task; data.split=official")
        examples, database = generate(config.mini)
        return examples, database, []
    files = _source_files(config)
    train, train_problems = _read_examples(config, files.train, "train")
    evaluation, eval_problems = _read_examples(config, files.eval, "eval")
    rows, row_problems = read_database(files.database) if files.database else ([], [])
    return train + evaluation, rows, train_problems + eval_problems + row_problems


def _read_examples(config: DataConfig, path: Path | None, split: Split) -> tuple[list[Example], list[Problem]]:
    if path is None:
        return [], []
    if config.source is DataSource.apibench:
        return read_apibench(path, hub_name(config), split)
    return read_jsonl(path, split)


def _source_files(config: DataConfig) -> SourceFiles:
    if config.source is DataSource.apibench:
        return _apibench_files(config)
    if not config.train_file:
        raise UserError("data.train_file: data=jsonl needs a file of records: data.train_file=FILE")
    return SourceFiles(
        train=user_file(config, config.train_file, "data.train_file"),
        eval=user_file(config, config.eval_file, "data.eval_file") if config.eval_file else None,
        database=user_file(config, config.database_file, "data.database_file") if config.database_file else None,
    )


def _apibench_files(config: DataConfig) -> SourceFiles:
    hub = hub_name(config)
    database_name = "tensorflowhub_api.jsonl" if hub == "tensorflow" else f"{hub}_api.jsonl"
    train = None
    evaluation = apibench_file(config, f"{hub}_eval.json")
    if config.split is DataSplit.official:
        try:
            train = apibench_file(config, f"{hub}_train.json")
        except MissingFile as error:
            raise UserError(f"{error}; or split the eval file instead: data.split=seeded") from None
    return SourceFiles(train, evaluation, apibench_file(config, database_name))


def _seeded_split(examples: list[Example], config: DataConfig) -> list[Example]:
    pool = [dataclasses.replace(example, split="train") for example in examples]
    pool = split_off(pool, config.seeded_eval_fraction, config.split_seed, "eval")
    # As in the official split: an answer without code can be asked for, and not be learnt from.
    return [example for example in pool if example.split == "eval" or "<<<code>>>" in example.reference]


def _check_splits(examples: list[Example], config: DataConfig) -> None:
    sizes = Counter(example.split for example in examples)
    for split in ("train", "eval"):
        if not sizes[split]:
            have = ", ".join(f"{number} {name}" for name, number in sizes.items()) or "no examples"
            remedy = "give more records, or larger data.max_train and data.max_eval"
            if split == "eval" and config.source is DataSource.jsonl and not config.eval_file:
                remedy = 'set data.eval_file, or "split": "eval" in some records, or data.split=seeded'
            raise UserError(f"data={config.name}: the {split} split is empty ({have}); {remedy}")
    duplicates = [id_ for id_, number in Counter(example.id for example in examples).items() if number > 1]
    if duplicates:
        raise UserError(f"data={config.name}: the id {duplicates[0]!r} is in more than one file")
