"""From conf/ and a command line to a checked `TrainConfig`; every error is one line that names the key.

The only file besides `train.py` that knows Hydra. A sweep's choices are all composed as its jobs will be and
checked before the first of them starts, so a mistake in the last one costs nothing.
"""

from __future__ import annotations

import argparse
import copy
import importlib.resources
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, Override, Quote, QuotedString
from hydra.core.utils import JobRuntime, setup_globals
from hydra.errors import HydraException, MissingConfigException
from hydra.grammar.gen.OverrideLexer import InputStream, OverrideLexer  # type: ignore[attr-defined]
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from rlaif.config import TrainConfig
from rlaif.errors import UserError
from rlaif.explain import line_of, no_such_option, one_line
from rlaif.spelling import numbers_for_texts, override_as_typed
from rlaif.typed import to_config as to_config  # asked for here, with all else that makes a config
from rlaif.unread import refuse_contradiction, refuse_unread

GROUPS = (
    "data", "policy", "feedback", "questions", "reward", "trainer", "execution", "tracking", "experiment",
)  # fmt: skip
KNOWN_TO_A_JOB = re.compile(r"\$\{hydra:(runtime\.output_dir|job\.(num|id))")
MOST_VALUES = 16
"""Of one key's sweep that are checked ahead, evenly spread; beyond that the check would take longer than it saves."""


def config_dir() -> Path:
    """conf/ of the checkout, or the copy that an installed wheel carries."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "conf"
    return checkout if (checkout / "train.yaml").exists() else package / "conf"


def register_schema() -> None:
    """Put the typed schema where conf/train.yaml's defaults list finds it, and what `${prompt:...}` stands for."""
    ConfigStore.instance().store(name="base_train", node=TrainConfig)
    OmegaConf.register_new_resolver("prompt", prompt_text, replace=True)


def prompt_text(name: str) -> str:
    """The text of a file below questions/ in a directory of configs, or of one with an absolute path. So a config,
    and with it a stage's address, holds the words themselves."""
    places = [directory / "questions" / name for directory in _config_directories()]
    path = next((place for place in places if place.is_file()), places[-1])
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"questions: the prompt {path} cannot be read: {error}") from None


def _config_directories() -> Iterator[Traversable]:
    """Where Hydra looks for configs, in its order, and conf/."""
    sources: list[tuple[str, str]] = []
    if HydraConfig.initialized():
        sources = [(source.schema, source.path) for source in HydraConfig.get().runtime.config_sources]
    elif GlobalHydra.instance().is_initialized():
        sources = [(source.scheme(), source.path) for source in GlobalHydra.instance().config_loader().get_sources()]
    for scheme, path in sources:
        if scheme == "file":
            yield Path(path)
        elif scheme == "pkg" and path != "hydra.conf":
            yield importlib.resources.files(path.replace("/", "."))
    yield config_dir()


def hydra_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Split a command line as Hydra does; its overrides may stand in several places."""
    return get_args_parser().parse_intermixed_args(list(arguments))


def check_command_line(
    overrides: Sequence[str], config_path: Path | None = None, *, directory: Path | None = None, multirun: bool = True
) -> list[TrainConfig]:
    """Compose every choice that a command line asks for: its configs, checked; UserError for the first mistake."""
    composer = Composer(config_path, directory, multirun=multirun)
    return composer.check(composer.spelled(overrides))


@dataclass
class Composer:
    """Composes what Hydra will compose of a command line, before Hydra does."""

    config_path: Path | str | None = None
    """The directory of the primary config; None: conf/."""
    directory: Path | None = None
    """One more directory of configs, the user's own."""
    config_name: str = "train"
    multirun: bool = True
    """Whether values may be swept."""

    def __post_init__(self) -> None:
        version.setbase("1.3")
        register_schema()
        setup_globals()
        JobRuntime.instance().set("name", "train")
        search_path = create_config_search_path(str(self.config_path or config_dir()))
        if self.directory is not None:
            anchor = SearchPathQuery(provider="schema")
            search_path.prepend("command-line", f"file://{self.directory.absolute()}", anchor=anchor)
        self.loader = ConfigLoaderImpl(search_path)
        self.master: tuple[list[str], DictConfig] | None = None
        self.is_sweep = self.multirun
        """Whether Hydra will run a sweep: it is told so, or a config says so, as is known once `jobs` has composed."""
        self.wants_figure = False
        """Whether the sweeper chooses jobs by what others returned; known once `jobs` has composed."""
        self.warnings: list[str] = []
        """Keys that nobody reads."""

    def check(self, overrides: Sequence[str]) -> list[TrainConfig]:
        """The checked config of every choice that `spelled` overrides leave; UserError for the first mistake."""
        configs = [self._checked(composed) for composed in self.jobs(overrides)]
        given = [one.key_or_group for one in self._parse(overrides) if not one.is_delete()]
        self.warnings = refuse_unread([key for key in given if key not in GROUPS], configs)
        choices: Any = self._compose_master(overrides).hydra.runtime.choices
        _, files = self.loader._parse_overrides_and_create_caching_repo(self.config_name, list(overrides))
        for group, chosen in {"": self.config_name, **choices}.items():
            for name in [chosen] if isinstance(chosen, str) else chosen or ():
                path = f"{group}/{name}".strip("/")
                found = files.load_config(path) if group in ("", *GROUPS) else None
                if found is None or not isinstance(content := OmegaConf.to_container(found.config), dict):
                    continue
                for complaint in numbers_for_texts(f"{path}.yaml", content, group.removeprefix("experiment")):
                    raise UserError(complaint)
                if group == "experiment":
                    refuse_contradiction(name, content, configs, partial(self._alone, name, overrides))
        return configs

    def _alone(self, name: str, overrides: Sequence[str]) -> DictConfig:
        places = [line for line in overrides if "hydra.searchpath" in line]
        return self._compose([*places, f"experiment={name}"], RunMode.RUN)

    def spelled(self, overrides: Sequence[str]) -> list[str]:
        """The overrides in words that Hydra reads as they were meant, with every launcher and sweeper: texts that look
        like numbers in quotes, globs as the options that they match, and a place for Hydra's files where `runs_dir`
        is itself made from one. UserError where there is no override, or a glob matches nothing."""
        parsed = self._parse([_as_typed(line) for line in overrides])
        lines = [self._plain(override, overrides) for override in parsed]
        master = self._compose_master(lines)
        if KNOWN_TO_A_JOB.search(str(master._get_node("runs_dir"))):
            for name in ("run", "sweep"):
                directory = str(master.hydra[name]._get_node("dir"))
                if "${runs_dir}" in directory:
                    lines.append(f"hydra.{name}.dir='{directory.replace('${runs_dir}', 'runs')}'")
        return lines

    def jobs(self, overrides: Sequence[str]) -> Iterator[DictConfig]:
        """The composed config of every choice, with Hydra's own node, as a job will have it."""
        master = self._compose_master(overrides)
        self.is_sweep = self.multirun or master.hydra.mode is RunMode.MULTIRUN
        self.wants_figure = self.is_sweep and "basic_sweeper" not in str(master.hydra.sweeper._target_)
        if not self.is_sweep:
            for override in self._parse(overrides):
                if override.is_sweep_override():
                    line = f"{override.key_or_group}={override.get_value_string()}"
                    raise UserError(f"{line}: a sweep needs -m; a list is written in [], a text in quotes")
            yield _as_job(self._compose(overrides, RunMode.RUN), None)
            return
        given: Any = OmegaConf.to_container(master.hydra.overrides)  # unresolved: they may hold interpolations
        params: Any = OmegaConf.select(master, "hydra.sweeper.params") or {}
        swept = self._parse([*(f"{key}={value}" for key, value in params.items()), *given["task"]])
        for number, choice in enumerate(self._choices({one.get_key_element(): one for one in swept}.values())):
            yield _as_job(self._compose([*given["hydra"], *choice], RunMode.RUN), number)

    def _checked(self, composed: DictConfig) -> TrainConfig:
        with _hydra_config(composed):
            task = copy.deepcopy(composed)
            with read_write(task), open_dict(task):
                del task["hydra"]
            return to_config(task)

    def _choices(self, overrides: Sequence[Override] | Any) -> Iterator[list[str]]:
        """The first value of every sweep, then each other value alone."""
        values = [self._values(override) for override in overrides]
        first = [options[0] for options in values]
        yield first
        for position, options in enumerate(values):
            for option in options[1:]:
                yield [*first[:position], option, *first[position + 1 :]]

    def _values(self, override: Override) -> list[str]:
        key, value = override.get_key_element(), override.value()
        if isinstance(value, IntervalSweep):
            return [f"{key}={value.start}", f"{key}={value.end}"]
        if not override.is_sweep_override() or override.is_delete():
            return [override.input_line or ""]
        override.config_loader = self.loader
        options = [f"{key}={text}" for text in override.sweep_string_iterator()]
        if not options:
            raise UserError(f"{override.input_line}: no value")
        every = -(-(len(options) - 1) // (MOST_VALUES - 1)) or 1
        return [*options[:-1:every], options[-1]]

    def _plain(self, override: Override, overrides: Sequence[str]) -> str:
        """An override without what sweepers lose: a glob's search path, and the quotes inside of choice(...)."""
        value, group = override._value, override.key_or_group
        if isinstance(value, ChoiceSweep):
            texts = [one for one in value.list if isinstance(one, str)]
            lost = [one for one in texts if self._is_lost(one)]
            quoted = [QuotedString(one, Quote.single) if one in lost else one for one in value.list]
            return f"{override.get_key_element()}={','.join(map(_text, quoted))}" if lost else override.input_line or ""
        if not isinstance(value, Glob):
            return override.input_line or ""
        others = [line for line in overrides if "hydra.searchpath" in line]
        options = self.loader.get_group_options(group, config_name=self.config_name, overrides=others)
        if not options:
            raise UserError(f"{override.input_line}: there is no group {group}; one of {', '.join(GROUPS)}")
        matching = value.filter(options)
        if not matching:
            raise UserError(f"{override.input_line}: matches no option; one of {', '.join(options)}")
        return f"{override.get_key_element()}={','.join(matching)}"

    def _is_lost(self, text: str) -> bool:
        """Whether Hydra reads something else where it has written out a text without its quotes."""
        try:
            return bool(self._parse([f"_={_text(text)}"])[0].value() != text)
        except UserError:
            return True

    def _parse(self, overrides: Sequence[str]) -> list[Override]:
        try:
            return OverridesParser.create(config_loader=self.loader).parse_overrides(list(overrides))
        except HydraException as error:
            raise UserError(f"command line: {str(error).splitlines()[0]}") from None

    def _compose_master(self, overrides: Sequence[str]) -> DictConfig:
        """What Hydra starts a sweep from; composed once."""
        if self.master is None or self.master[0] != overrides:
            self.master = ([*overrides], self._compose(overrides, RunMode.MULTIRUN))
        return self.master[1]

    def _compose(self, overrides: Sequence[str], mode: RunMode) -> DictConfig:
        try:
            return self.loader.load_configuration(
                self.config_name, list(overrides), mode, from_shell=False, validate_sweep_overrides=False
            )
        except MissingConfigException as error:
            group, _, name = (error.missing_cfg_file or "").rpartition("/")
            known = no_such_option(group, name, error.options) if group and error.options else one_line(error)
            raise UserError(known) from None
        except Exception as error:  # of Hydra's and OmegaConf's own kinds, and what both forgot to check
            raise UserError(line_of(error)) from None


_text = Override._get_value_element_as_str


def _as_typed(line: str) -> str:
    """An override whose text stays text."""
    lexer = OverrideLexer(InputStream(line))
    lexer.removeErrorListeners()
    pieces = [(lexer.symbolicNames[one.type], one.start, one.stop + 1) for one in lexer.getAllTokens()]
    return override_as_typed(line, pieces)


def _as_job(composed: DictConfig, number: int | None) -> DictConfig:
    """What a launcher adds before a job starts."""
    place = "hydra.run.dir" if number is None else "hydra.sweep.dir"
    with _hydra_config(composed), read_write(composed.hydra), open_dict(composed.hydra):
        if number is not None:
            composed.hydra.job.id, composed.hydra.job.num = str(number), number
        directory = Path(str(OmegaConf.select(composed, place)))
        if number is not None:
            directory /= str(OmegaConf.select(composed, "hydra.sweep.subdir"))
        composed.hydra.runtime.output_dir = str(directory.absolute())
    return composed


@contextmanager
def _hydra_config(composed: DictConfig) -> Iterator[None]:
    """`${hydra:...}` is answered from this config."""
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(composed)
    try:
        yield
    finally:
        HydraConfig.instance().cfg = before
