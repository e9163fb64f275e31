"""The rows of an API database, indexed by what identifies them in a call."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rlaif.metrics.api_calls import ApiCall, Value, parse_call, same_callee
from rlaif.records import ApiRow

PARAMETERS = {
    "torch.hub.load": ("repo_or_dir", "model"),
    "tensorflow_hub.load": ("handle",),
    "hub.load": ("handle",),
    "KerasLayer": ("handle",),
    "from_pretrained": ("pretrained_model_name_or_path",),
    "pipeline": ("task", "model"),
}
"""Names of the positional parameters of the hubs' loaders, by the end of the callee; the first that fits counts."""

CONVENTIONAL_ALIASES = {"hub": "tensorflow_hub", "tf": "tensorflow", "np": "numpy", "pd": "pandas"}
"""What a name means in a row, where no import says so."""

MatchBy = Literal["domain", "api"]

_GITHUB_REF = re.compile(r"([\w.-]+/[\w.-]+):[\w./-]+")


@dataclass(frozen=True)
class Row:
    """A database row with its call."""

    index: int
    row: ApiRow
    call: ApiCall
    key: Key


@dataclass(frozen=True)
class Key:
    """What a call needs to match a row; many rows may share one."""

    callees: tuple[str, ...]
    """The row's callee as it is written, and as its conventional alias means it."""
    identity: frozenset[str]

    def fits(self, call: ApiCall, strings: frozenset[str]) -> bool:
        """Whether the call, which names these strings, has this callee and all of its strings."""
        return self.identity <= strings and self.has_callee(call)

    def has_callee(self, call: ApiCall) -> bool:
        return any(same_callee(mine, theirs) for mine in self.callees for theirs in (call.callee, call.written))


class ApiDatabase:
    """Finds the rows that a call matches.

    ``match_by`` says what tells one row from another, and so what makes an answer right. Not given, it is
    "domain" where most rows call one of the loaders in PARAMETERS, and else "api".

    - "domain": a row's strings say which model it loads (the three hubs). A call matches a row if it has the row's
      callee and names the row's strings: for torch.hub.load the repository and the model, for
      from_pretrained, pipeline and hub.load the model, for any other callee every string. A row that names
      a pipeline's task alone accepts any model of the task. An answer is right if a row that it matches
      has the reference's domain (Gorilla's rule).
    - "api": the callee is the API, as in ``json.loads(s)``. A call matches a row by its callee alone, and an
      answer is right if it matches the reference's own row, since a domain holds many APIs.

    A row's repository without a ref (``pytorch/vision``) accepts any ref; one with a ref demands it, as
    the ref may name the branch that has the entry point (``NVIDIA/DeepLearningExamples:torchhub``).
    """

    def __init__(self, rows: Iterable[ApiRow], match_by: MatchBy | None = None) -> None:
        self.source = list(rows)
        """All rows as they were given, those without a Python call too."""
        calls = [(index, row, parse_call(row.api_call)) for index, row in enumerate(self.source)]
        self.rows = [Row(index, row, call, _key(call)) for index, row, call in calls if call is not None]
        self.num_unparsed = len(self.source) - len(self.rows)
        """Rows whose api_call holds no Python call: nothing can match them."""
        num_loaders = sum(is_loader(row.call) for row in self.rows)
        self.match_by: MatchBy = match_by or ("domain" if 2 * num_loaders > len(self.rows) else "api")
        self._by_key: dict[Key, list[Row]] = defaultdict(list)
        self._by_last_name: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            self._by_key[row.key].append(row)
            self._by_last_name[_last_name(row.call)].append(row)
        self._keys_by_string: dict[str, list[Key]] = defaultdict(list)
        for key in self._by_key:
            if key.identity:
                # One of its strings is enough to find a key; the longest is shared by the fewest.
                self._keys_by_string[max(key.identity, key=lambda string: (len(string), string))].append(key)

    def __len__(self) -> int:
        return len(self.rows)

    def matches(self, calls: Sequence[ApiCall]) -> list[Row]:
        """All rows that one of the calls matches, in the database's order, each once."""
        find = self._by_identity if self.match_by == "domain" else self._by_callee
        found = {row.index: row for call in calls for row in find(call)}
        return [found[index] for index in sorted(found)]

    def _by_identity(self, call: ApiCall) -> list[Row]:
        strings = named_strings(call)
        keys = (key for string in strings for key in self._keys_by_string.get(string, ()))
        named = (row for key in keys if key.fits(call, strings) for row in self._by_key[key])
        # A row that names no string, as `Sequential([KerasLayer(model_id)])`, matches its like only.
        candidates = self._by_last_name.get(_last_name(call), ())
        unnamed = (row for row in candidates if not row.key.identity and same_call(row.call, call))
        return [*named, *unnamed]

    def _by_callee(self, call: ApiCall) -> list[Row]:
        rows = [row for row in self._by_last_name.get(_last_name(call), ()) if row.key.has_callee(call)]
        return [row for row in rows if call.callee in row.key.callees] or rows


def _key(call: ApiCall) -> Key:
    head, dot, rest = call.callee.partition(".")
    return Key((call.callee, CONVENTIONAL_ALIASES.get(head, head) + dot + rest), identity_of(call))


def identity_of(call: ApiCall) -> frozenset[str]:
    """The strings that tell this call's API from others of the same callee; empty where it names none."""
    return frozenset(identifying_strings(call))


def identifying_strings(call: ApiCall) -> tuple[str, ...]:
    """`identity_of` in the order of the loader's parameters, or of the arguments where it is no known loader."""
    names = _parameters(call)
    _, bound = bind(call)
    if not names:
        return tuple(string for value in call.values for string in value.strings)
    if _is_pipeline(call) and "model" in bound:
        # The task has synonyms ('sentiment-analysis', 'text-classification'); the model says which row it is.
        names = ("model",)
    return tuple(string for name in names if name in bound for string in bound[name].strings)


def is_loader(call: ApiCall) -> bool:
    """Whether it calls one of the loaders in PARAMETERS."""
    return bool(_parameters(call))


def named_strings(call: ApiCall) -> frozenset[str]:
    """The strings of a call; for Torch Hub, a repository with a ref also without it."""
    if not call.callee.endswith("hub.load"):
        return call.strings
    bare = (match[1] for string in call.strings if (match := _GITHUB_REF.fullmatch(string)))
    return call.strings.union(bare)


def bind(call: ApiCall) -> tuple[tuple[Value, ...], dict[str, Value]]:
    """(positional, by name) after giving the leading positional arguments their parameters' names."""
    bound = dict(call.keywords)
    rest = list(call.args)
    for name in _parameters(call):
        if rest and name not in bound:
            bound[name] = rest.pop(0)
    return tuple(rest), bound


def same_call(a: ApiCall, b: ApiCall) -> bool:
    """The same callee with the same arguments, whether positional or by name, in any order of names."""
    callees = same_callee(a.callee, b.callee) or same_callee(a.written, b.written)
    return callees and bind(a) == bind(b)


def _parameters(call: ApiCall) -> tuple[str, ...]:
    fitting = (names for end, names in PARAMETERS.items() if same_callee(call.callee, end) and _covers(call, end))
    return next(fitting, ())


def _is_pipeline(call: ApiCall) -> bool:
    return _last_name(call) == "pipeline"


def _covers(call: ApiCall, end: str) -> bool:
    """`load` alone is a tail of every loader, and says nothing about which it is."""
    return call.callee.count(".") >= end.count(".")


def _last_name(call: ApiCall) -> str:
    return call.callee.rpartition(".")[2]
