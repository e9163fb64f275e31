"""What the API database says of the Hugging Face hub: which repositories there are, and what each is for.

Ids stand in a row's name, in its call and in its example code; the example code also names
companions (a vocoder beside a text-to-speech model) that a row of their own does not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from rlaif.records import ApiRow

DEFAULT_REVISION = "main"
TIMM = "timm"
"""Stands for the class of a model that timm makes."""

_QUOTED = r"""['"]([\w.-]+(?:/[\w.-]+)?)['"]"""
_FULL_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_CALL_WITH_ID = re.compile(rf"(?:\b(\w+)\.)?(\w+)\(\s*(?:[\w]+\s*=\s*)?{_QUOTED}")
_KEYWORD_ID = re.compile(rf"\b(?:model|tokenizer|feature_extractor|repo_id|source)\w*\s*=\s*{_QUOTED}")
_TIMM_MODEL = re.compile(r"""\bcreate_model\(\s*['"](?:hf[_-]hub:)?([\w./-]+)['"]""")
_DATASET = re.compile(rf"\bload_dataset\(\s*{_QUOTED}")
_ANY_FULL_ID = re.compile(r"""['"]([A-Za-z0-9][\w.-]*/[\w.-]+)['"]""")
_REVISION = re.compile(r"""(?:\brevision\s*=\s*['"]|['"][\w.-]+/[\w.-]+@)([\w.-]+)['"]""")
_VARIANT = re.compile(r"""\bvariant\s*=\s*['"](\w+)['"]""")
_LOADERS = ("from_pretrained", "from_hparams", "load", "hf_hub_download", "load_from_hub")
_CLASS_LOADERS = re.compile(r"SentenceTransformer|CrossEncoder|INSTRUCTOR|YOLO|\w*Pipeline|WhisperModel")

# Repositories that need no owner: the hub's own first models, under the names that it still knows.
_BARE_ID = re.compile(
    r"(?:gpt2(?:-medium|-large|-xl)?|distilgpt2|openai-gpt|ctrl|transfo-xl-wt103"
    r"|(?:distil)?bert-(?:base|large)-(?:multilingual-)?(?:cased|uncased|german|chinese|japanese)[\w.-]*"
    r"|bert-base-(?:chinese|german-cased|german-dbmdz-\w+|multilingual-\w+)"
    r"|(?:distil)?roberta-(?:base|large)[\w.-]*|xlm-roberta-(?:base|large)[\w.-]*|xlm-mlm-[\w.-]+|xlm-clm-[\w.-]+"
    r"|albert-(?:base|large|xlarge|xxlarge)-v[12]|t5-(?:small|base|large|3b|11b)|camembert-base|xlnet-(?:base|large)-cased)"
)
# A path of a file or a folder of the user's own looks like an id, and is none.
_NO_ID = re.compile(
    r"(?i)^(?:\.|(?:path|your|username|pretrained_models?|application|downloads|http)[_-]?\w*/"
    r"|(?:my|the|text|images?|audios?|data|results?|models?|output|input|user|train|test|tmp|folder|local|examples)"
    r"(?:[_-]\w*)?/)"
    r"|\.(?:jpe?g|png|gif|bmp|wav|mp3|flac|ogg|mp4|avi|csv|tsv|json|txt|pdf|pkl|joblib|zip|h5|pth?|py|md|html|bin|onnx)$"
    r"|^(?:and|or|N|n|yes|true|his|he|him|pos|cls)/|^\d+/\d+$"
)


@dataclass(frozen=True)
class Repository:
    """One repository that the hub is to hold."""

    id: str
    """owner/name, or a name alone for the hub's oldest models."""
    api_class: str = ""
    """The class that a row's call, or else its example code, loads it with."""
    domain: str = ""
    provider: str = ""
    revisions: tuple[str, ...] = (DEFAULT_REVISION,)
    variants: tuple[str, ...] = ()
    """Weights that are named apart, such as fp16."""


@dataclass
class _Finding:
    """What rows have said of an id so far; the first to speak counts, and a row of its own before all others."""

    api_class: str = ""
    domain: str = ""
    provider: str = ""
    is_own: bool = False
    revisions: set[str] = field(default_factory=lambda: {DEFAULT_REVISION})
    variants: set[str] = field(default_factory=set)


def survey(database: Iterable[ApiRow]) -> list[Repository]:
    """The repositories that the rows name, by id."""
    findings: dict[str, _Finding] = {}
    for row in database:
        own = _own_ids(row)
        loaded = {**_loaded_ids(row.examples), **_loaded_ids(row.api_call)}
        for repository in [*own, *(name for name in loaded if name not in own)]:
            is_own = repository in own
            finding = findings.setdefault(repository, _Finding())
            if (is_own and not finding.is_own) or not finding.domain:
                finding.domain, finding.provider, finding.is_own = row.domain, row.provider, is_own
                finding.api_class = loaded.get(repository, "") or finding.api_class
            if is_own or repository in loaded:
                text = f"{row.api_call}\n{row.examples}"
                finding.revisions |= set(_REVISION.findall(text))
                finding.variants |= set(_VARIANT.findall(text))
    return [_repository(name, findings[name]) for name in sorted(findings)]


def is_repository_id(text: str) -> bool:
    """Whether a string of example code can be an id, and is no path."""
    if _NO_ID.search(text):
        return False
    return _FULL_ID.fullmatch(text) is not None or _BARE_ID.fullmatch(text) is not None


def _repository(name: str, finding: _Finding) -> Repository:
    return Repository(
        id=name,
        api_class=finding.api_class,
        domain=finding.domain,
        provider=finding.provider,
        revisions=tuple(sorted(finding.revisions)),
        variants=tuple(sorted(finding.variants)),
    )


def _own_ids(row: ApiRow) -> list[str]:
    """The ids that the row itself is about: its name, or what its call names where the name has no owner."""
    name = row.name.strip()
    called = list(_loaded_ids(row.api_call)) or list(_loaded_ids(name))  # a few rows are named for their loading call
    if is_repository_id(name) and not any(full.endswith(f"/{name}") for full in called):
        return [name]
    return called


def _loaded_ids(text: str) -> dict[str, str]:
    """Id -> the class that it is loaded with ("" where that cannot be told), in the order of the text."""
    found: dict[str, str] = {}
    for match in _CALL_WITH_ID.finditer(text):
        owner, function, value = match.groups()
        if is_repository_id(value) and (function in _LOADERS or _CLASS_LOADERS.fullmatch(function)):
            name = owner or "" if function in _LOADERS else function
            found[value] = found.get(value) or name
    for pattern in (_KEYWORD_ID, _ANY_FULL_ID):
        for value in pattern.findall(text):
            if is_repository_id(value):
                found.setdefault(value, "")
    for value in _DATASET.findall(text):
        found.pop(value, None)
    timm = {value if "/" in value else f"timm/{value}": TIMM for value in _TIMM_MODEL.findall(text)}
    return {value: name if _is_model_class(name) else "" for value, name in found.items()} | timm


def _is_model_class(name: str) -> bool:
    """Tokenizers and processors say nothing of the model; a lower-case owner is a module or a variable."""
    return name[:1].isupper() and not re.search(r"Tokenizer|Processor|FeatureExtractor|Config$|Scheduler", name)
