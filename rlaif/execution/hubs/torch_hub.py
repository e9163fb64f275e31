"""A Torch Hub on disk, so that `torch.hub.load` runs as it is, without a network.

Nothing of torch is patched: torch.hub looks into `$TORCH_HOME/hub` before it downloads,
and finds there a repository for each one that the API database names, whose hubconf.py
has the entry points that the database names. The models are tiny and untrained, with the
inputs and outputs of the real ones (`tiny_models`).
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlaif.execution.hubs.hub import Hub, built_once
from rlaif.records import ApiRow

DEFAULT_REVISION = "main"
_MODELS = Path(__file__).with_name("tiny_models")

# Which function of tiny_models stands for an entry point: the first pattern that is found
# in "owner/repository/entry_point" (in lower case) decides, and a classifier is the rule.
_CONTRACTS = (
    (r"^pytorch/vision/(deeplab|fcn|lraspp)", "images.segmentation_model"),
    (r"brain-segmentation", "images.mask_model"),
    (r"/midas/transforms", "images.depth_transforms"),
    (r"/midas/", "images.depth_model"),
    (r"/pytorchvideo/slowfast", "images.two_pathway_video_classifier"),
    (r"/pytorchvideo/", "images.video_classifier"),
    (r"hybridnets", "detection.traffic_model"),
    (r"/yolop/", "detection.driving_model"),
    (r"/yolov5/", "detection.object_detector"),
    (r"/silero_stt", "audio.speech_to_text"),
    (r"/silero_tts", "audio.text_to_speech"),
    (r"/silero_vad", "audio.voice_activity_detector"),
    (r"open-unmix", "audio.audio_separator"),
    (r"gan_zoo", "images.image_generator"),
    (r"ntsnet", "images.part_classifier"),
    (r"/fairseq/(transformer|conv)", "language.translator"),
    (r"/fairseq/", "language.sentence_encoder"),
    (r"/pytorch-transformers/tokenizer", "language.tokenizer"),
    (r"/pytorch-transformers/", "language.transformer"),
    (r"nvidia_tacotron2", "audio.spectrogram_generator"),
    (r"nvidia_waveglow", "audio.vocoder"),
    (r"nvidia_tts_utils", "audio.speech_tools"),
    (r"nvidia_ssd_processing_utils", "detection.detection_tools"),
    (r"nvidia_convnets_processing_utils", "detection.classification_tools"),
    (r"nvidia_ssd", "detection.box_detector"),
    (r"/meal_v2", "images.named_image_classifier"),
    (r"", "images.image_classifier"),
)

_LOAD = re.compile(r"torch\.hub\.load\s*\(")
_REPOSITORY = re.compile(r"""['"]([\w.-]+/[\w.-]+)(?::([\w./-]+))?['"]""")
_KEYWORD_MODEL = re.compile(r"""\bmodel\s*=\s*['"]([^'"]+)['"]""")
_SECOND_STRING = re.compile(r"""\s*,\s*['"]([^'"]+)['"]""")
_SECOND_NAME = re.compile(r"\s*,\s*([A-Za-z_]\w*)\s*[,)]")


@dataclass(frozen=True)
class Repository:
    """What the database says of one repository."""

    name: str
    """owner/name"""
    revisions: frozenset[str]
    entry_points: frozenset[str]


def survey(database: Iterable[ApiRow]) -> list[Repository]:
    """The repositories that the rows' calls and example code load from, by name."""
    revisions: dict[str, set[str]] = defaultdict(set)
    entry_points: dict[str, set[str]] = defaultdict(set)
    for row in database:
        for text in (row.api_call, row.examples):
            for start in _LOAD.finditer(text):
                found = _REPOSITORY.search(_call_text(text, start.end()))
                if found:
                    revisions[found[1]].add(found[2] or DEFAULT_REVISION)
                    entry_points[found[1]] |= _entry_points(text, start.end())
    return [Repository(name, frozenset(revisions[name]), frozenset(entry_points[name])) for name in sorted(revisions)]


def hub_digest(repositories: Sequence[Repository]) -> str:
    """Identifies a hub's content: the repositories and the models' code."""
    content = repr([(r.name, sorted(r.revisions), sorted(r.entry_points)) for r in repositories])
    code = b"".join(path.read_bytes() for path in (Path(__file__), *sorted(_MODELS.glob("*.py"))))
    return hashlib.sha256(content.encode() + code).hexdigest()[:12]


def hub_index(repositories: Iterable[Repository]) -> Mapping[str, frozenset[str]]:
    """Repository in lower case -> its revisions; for telling what a hub does not have."""
    return {repository.name.lower(): repository.revisions for repository in repositories}


def build_torch_hub(repositories: Sequence[Repository], directory: Path) -> Hub:
    """Write the hub into a folder of ``directory`` named for its content, unless it is there.

    Several processes may ask at once: one builds, and the folder appears whole.
    """
    home = built_once(
        directory / f"torch_hub-{hub_digest(repositories)}", lambda partial: _write_hub(repositories, partial / "hub")
    )
    return Hub(
        directory=home,
        variables=(("TORCH_HOME", str(home)),),
        num_built=sum(len(repository.entry_points) for repository in repositories),
    )


def _write_hub(repositories: Iterable[Repository], hub: Path) -> None:
    trusted = []
    for repository in repositories:
        owner, name = repository.name.split("/")
        trusted.append(f"{owner}_{name}\n")
        for revision in repository.revisions:
            folder = hub / f"{owner}_{name}_{revision.replace('/', '_')}"
            folder.mkdir(parents=True)
            shutil.copytree(_MODELS, folder / _MODELS.name, ignore=shutil.ignore_patterns("__pycache__"))
            (folder / "hubconf.py").write_text(_hubconf(repository), encoding="utf-8")
    (hub / "trusted_list").write_text("".join(trusted), encoding="utf-8")


def _hubconf(repository: Repository) -> str:
    """Entry points as a mapping, since some names (transformer.wmt14.en-fr) are no identifiers."""
    lines = [
        f"    {entry_point!r}: {_contract(repository.name, entry_point)},\n"
        for entry_point in sorted(repository.entry_points)
    ]
    imports = "from tiny_models import audio, detection, images, language\n\n"
    return imports + 'dependencies = ["torch"]\nglobals().update({\n' + "".join(lines) + "})\n"


def _contract(repository: str, entry_point: str) -> str:
    address = f"{repository}/{entry_point}".lower()
    return next(contract for pattern, contract in _CONTRACTS if re.search(pattern, address))


def _call_text(text: str, start: int) -> str:
    """The arguments of a call, from behind its opening parenthesis to the closing one."""
    depth = 1
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return text[start : position + 1]
    return text[start:]


def _entry_points(text: str, start: int) -> set[str]:
    """The names that a call asks for: `model=`, the string after the repository, or a variable's value.

    By pattern, not by parsing: some of the database's calls are no Python.
    """
    call = _call_text(text, start)
    repository = _REPOSITORY.search(call)
    names = set(_KEYWORD_MODEL.findall(call))
    if repository:
        second = _SECOND_STRING.match(call, repository.end())
        variable = _SECOND_NAME.match(call, repository.end())
        if second:
            names.add(second[1])
        elif variable:
            names |= set(re.findall(rf"""\b{variable[1]}\s*=\s*['"]([^'"]+)['"]""", text))
    return names
