"""Which files a snippet reads from its working directory: by parsing alone, nothing is run.

A literal counts as a file that is read where a call that reads takes it (`Image.open`,
`read_csv`, `open` for reading), directly or by way of a variable, a parameter or a joined
path; or where its ending says what it is, and no call writes it, downloads it or asks a hub
for it. Absolute paths, and those that lead out of the directory, cannot be given.
"""

from __future__ import annotations

import ast
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rlaif.execution.hubs.sample_files.contents import FEATURES
from rlaif.execution.hubs.sample_files.literals import MAX_TEXT, Literals, callee
from rlaif.execution.hubs.sample_files.models import models_for

MAX_FILES = 16
MAX_CODE = 100_000
_RUNNERS_OWN = "snippet.py"

_ENDINGS = (
    (r"jpe?g", "jpeg"),
    (r"png|gif|webp|tiff?", "png"),  # readers of pictures go by content
    (r"bmp", "bmp"),
    (r"wav|mp3|flac|ogg|m4a|aac|opus", "sound"),
    (r"mp4|avi|mov|mkv|webm", "video"),
    (r"txt|md", "text"),
    (r"csv|tsv", "csv"),
    (r"json", "json"),
    (r"jsonl", "jsonl"),
    (r"npy", "array"),
)
_ENDING = re.compile(r"\.(?:" + "|".join(f"({pattern})" for pattern, _ in _ENDINGS) + r")$", re.IGNORECASE)

# Calls that read a file, by the end of their name, and what they take it for where its own name does not say.
_READERS = {
    "Image.open": "jpeg", "load_img": "jpeg", "imread": "jpeg", "read_image": "jpeg", "load_image": "jpeg",
    "torchaudio.load": "sound", "librosa.load": "sound", "sf.read": "sound", "soundfile.read": "sound",
    "load_audio": "sound", "wavfile.read": "sound", "AudioSegment.from_file": "sound", "AudioSegment.from_wav": "sound",
    "AudioSegment.from_mp3": "sound", "wave.open": "sound", "torchaudio.info": "sound",
    "VideoCapture": "video", "VideoReader": "video", "read_video": "video", "VideoFileClip": "video",
    "read_csv": "csv", "read_table": "csv", "read_json": "json", "np.load": "array", "numpy.load": "array",
    "open": "text", "read_text": "text", "read_file": "text",
}  # fmt: skip
_PATH_KEYWORDS = frozenset((
    "path", "filepath", "file", "filename", "fp", "uri", "filepath_or_buffer", "image_path", "audio_path", "video_path",
))  # fmt: skip
# Calls whose strings are files that they make, or that lie elsewhere.
_WRITERS = re.compile(
    r"^(?:save\w*|write\w*|to_(?:csv|json|file|excel|parquet)|im(?:write|save)|savefig|export\w*|dump|mkdir|makedirs"
    r"|print|exists|remove|join|split|endswith|startswith|replace|format|from_pretrained|from_hparams|hf_hub_\w+"
    r"|load_from_hub|cached_download|snapshot_download|cached_path|url\w*|get_file|download\w*|load_model"
    r"|load_dataset|get|post|copy\w*|move|VideoWriter)$"
)
_WRITTEN_KEYWORDS = re.compile(r"^(?:out|save|dst|dest|target)|output")
_IN_REPOSITORY = re.compile(r"speechbrain/[\w.-]+/")
_WRITE_MODE = re.compile(r"[wax+]")
_SEPARATOR = re.compile(r"""\b(?:sep|delimiter)\s*=\s*['"](\\t|[,;|])['"]""")
_LABELS = re.compile(r"class|label|synset|categor", re.IGNORECASE)
_DECODERS = (("decode_wav", "sound"), ("decode_jpeg", "jpeg"), ("decode_png", "png"), ("decode_image", "jpeg"))


@dataclass(frozen=True)
class SampleFile:
    path: str
    """Relative to the snippet's working directory, and within it."""
    kind: str
    """What `contents` takes."""


def files_for(code: str) -> tuple[SampleFile, ...]:
    """The files that the code reads and has not written itself, by path; () where it does not parse."""
    if len(code) > MAX_CODE:
        return ()
    try:
        tree = ast.parse(code)
        literals = Literals(tree)
        found = _find(tree, literals)
        columns, keys = literals.indexed()
        files = {path: with_fields(kind, path, columns, keys, code) for path, kind in found.items()}
        models = models_for(tree, literals, _tables(files), code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    files |= {path: kind for text, kind in models.items() if (path := _safe(text)) is not None}
    folders = {parent for path in files for parent in _parents(path)}
    return tuple(SampleFile(path, files[path]) for path in sorted(files) if path not in folders)[:MAX_FILES]


def _tables(files: Mapping[str, str]) -> dict[str, list[str]]:
    """The columns of each table, by its path."""
    tables = {path: kind.partition(" ")[2] for path, kind in files.items() if kind.startswith("csv ")}
    return {path: json.loads(fields)["columns"] for path, fields in tables.items()}


def _find(tree: ast.Module, literals: Literals) -> dict[str, str]:
    """Path -> kind."""
    plain_kind = _kind_by_use(tree)
    written: set[str] = set()
    read: dict[str, str] = {}
    named: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            written |= _written(node, literals)
            read |= _read(node, plain_kind, literals)
        if isinstance(node, ast.Call | ast.Assign | ast.AnnAssign | ast.List | ast.Tuple | ast.Dict | ast.For):
            for text in literals.below(node):
                kind = kind_by_ending(text)
                if kind and not re.search(r"\s", text):
                    named[text] = kind
    paths = {}
    for text, kind in {**named, **read}.items():
        path = _safe(text)
        if path is not None and text not in written:
            paths[path] = kind
    return paths


def _read(call: ast.Call, plain_kind: str, literals: Literals) -> dict[str, str]:
    """What a reading call reads; ``plain_kind`` is for a file of which neither name nor reader says what it is."""
    name = callee(call)
    reader = next((end for end in _READERS if name == end or name.endswith("." + end)), None)
    if reader is None or (reader == "open" and name not in ("open", "io.open", "Image.open", "wave.open")):
        return {}
    if reader in ("open", "wave.open") and any(_WRITE_MODE.search(mode) for mode in _modes(call, literals)):
        return {}
    kind = _READERS[reader]
    if kind == "text":
        kind = plain_kind
    texts: set[str] = set()
    for argument in (*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg in _PATH_KEYWORDS)):
        texts |= literals.of(argument)
    return {text: kind_by_ending(text) or kind for text in texts if text and not _is_unmakeable(text)}


def _written(call: ast.Call, literals: Literals) -> set[str]:
    name = callee(call).rsplit(".", 1)[-1]
    nodes = [keyword.value for keyword in call.keywords if _WRITTEN_KEYWORDS.search(keyword.arg or "")]
    if _WRITERS.search(name):
        nodes += [*call.args, *(keyword.value for keyword in call.keywords)]
    elif name == "separate_file":  # the models' own examples name a file of their repository, others a local one
        texts = {text for node in (*call.args, *(one.value for one in call.keywords)) for text in literals.of(node)}
        return {text for text in texts if _IN_REPOSITORY.match(text)}
    elif name == "open" and any(_WRITE_MODE.search(mode) for mode in _modes(call, literals)):
        nodes += call.args[:1]
    return {text for node in nodes for text in (*literals.of(node), *literals.below(node))}


def _modes(call: ast.Call, literals: Literals) -> set[str]:
    nodes = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return {text for node in nodes for text in literals.of(node)}


def kind_by_ending(text: str) -> str | None:
    """None where the ending does not say."""
    ending = _ENDING.search(text)
    return _ENDINGS[ending.lastindex - 1][1] if ending and ending.lastindex else None


def _is_unmakeable(text: str) -> bool:
    """Whether the name says that it is of a kind which nobody can make up: weights, archives, pickles."""
    return bool(re.search(r"\.[A-Za-z]\w{0,7}$", text)) and kind_by_ending(text) is None


def _kind_by_use(tree: ast.Module) -> str:
    """What a file that is opened without a telling name is then taken for."""
    names = {callee(node) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for end, kind in _DECODERS:
        if any(name.endswith(end) for name in names):
            return kind
    return "json" if "json.load" in names else "text"


def with_fields(kind: str, path: str, columns: list[str], keys: list[str], code: str) -> str:
    """Tables get the columns, and objects the keys, that the code asks for."""
    if kind == "csv":
        wanted = [*columns, *(FEATURES if not columns or "features" in code else ())]
        stated = _SEPARATOR.search(code)
        separator = "\t" if path.lower().endswith(".tsv") else ","
        if stated:
            separator = stated[1].replace("\\t", "\t")
        return "csv " + json.dumps({"columns": list(dict.fromkeys(wanted)), "separator": separator})
    if kind == "text" and _LABELS.search(posixpath.basename(path)):
        return "labels"
    if kind == "json" and keys:
        return "json " + json.dumps({"keys": keys})
    return kind


def _safe(text: str) -> str | None:
    """The path within the working directory, in its shortest form; None where it is none."""
    if not text or len(text) > MAX_TEXT or re.search(r"[\x00-\x1f\\*?{}]|://|^~|^[A-Za-z]:", text):
        return None
    path = posixpath.normpath(text)
    if posixpath.isabs(path) or path == "." or path.split("/")[0] == ".." or text.endswith("/") or path == _RUNNERS_OWN:
        return None
    return path if all(len(part.encode()) < 128 for part in path.split("/")) else None


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path
