"""Which addresses a snippet fetches, and what it takes to be there: by parsing alone.

Only addresses that the text states in full count. What is there follows from the address's ending,
or, where that says nothing, from the one kind of content that the code decodes.
"""

from __future__ import annotations

import ast
import re
import urllib.parse

from rlaif.execution.hubs.sample_files.find import MAX_CODE, kind_by_ending, with_fields
from rlaif.execution.hubs.sample_files.literals import Literals, callee

MAX_ADDRESSES = 16
_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f\x7f\\]{1,500}", re.IGNORECASE)
_FETCHERS = ("requests.get", "get", "urlopen", "urlretrieve", "Request", "load_image", "imread", "read_csv", "open")
_DECODERS = {
    "Image.open": "jpeg", "load_image": "jpeg", "imread": "jpeg", "imdecode": "jpeg", "decode_image": "jpeg",
    "decode_jpeg": "jpeg", "decode_png": "png",
    "torchaudio.load": "sound", "sf.read": "sound", "soundfile.read": "sound", "librosa.load": "sound",
    "wavfile.read": "sound", "decode_wav": "sound",
    "VideoReader": "video", "VideoCapture": "video", "read_video": "video",
    "read_csv": "csv",
}  # fmt: skip
_MEDIA_TYPES = {
    "jpeg": "image/jpeg", "png": "image/png", "bmp": "image/bmp", "video": "video/x-msvideo", "sound": "audio/x-wav",
    "text": "text/plain; charset=utf-8", "labels": "text/plain; charset=utf-8", "csv": "text/csv; charset=utf-8",
    "json": "application/json", "jsonl": "application/jsonl",
}  # fmt: skip


def addresses_for(code: str) -> dict[str, str]:
    """Address -> kind of content, as `contents` takes it; empty where the code does not parse."""
    if len(code) > MAX_CODE or "http" not in code.lower():
        return {}
    try:
        tree = ast.parse(code)
        literals = Literals(tree)
        columns, keys = literals.indexed()
        kinds = _kinds(tree, literals)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    known = sorted(address for address, kind in kinds.items() if kind != "json" or keys)[:MAX_ADDRESSES]
    return {address: with_fields(kinds[address], address, columns, keys, code) for address in known}


def media_type(kind: str) -> str:
    """What a server says of content of a kind."""
    return _MEDIA_TYPES.get(kind.partition(" ")[0], "application/octet-stream")


def _kinds(tree: ast.Module, literals: Literals) -> dict[str, str]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    decoded = {kind for call in calls for name, kind in _DECODERS.items() if _is_called(call, name)}
    fetched = {
        text
        for call in calls
        if call.args and any(_is_called(call, name) for name in _FETCHERS)
        for text in literals.of(call.args[0])
    }
    kinds = {}
    for text in sorted(text for text in texts | fetched if _is_address(text)):
        kind = kind_by_ending(_path(text))
        if kind is None and text in fetched and len(decoded) == 1 and not _has_other_ending(text):
            kind = min(decoded)
        if kind is not None:
            kinds[text] = kind
    return kinds


def _is_called(call: ast.Call, name: str) -> bool:
    called = callee(call)
    return called == name or called.endswith("." + name)


def _is_address(text: str) -> bool:
    try:
        return _ADDRESS.fullmatch(text) is not None and bool(urllib.parse.urlsplit(text).netloc)
    except ValueError:
        return False


def _path(address: str) -> str:
    """What may end in a file's name: some write that where the host belongs."""
    parts = urllib.parse.urlsplit(address)
    return parts.path.rstrip("/") or parts.netloc


def _has_other_ending(address: str) -> bool:
    """Whether its path's last part has an ending, of a kind that nobody can make up."""
    return re.search(r"\.[A-Za-z]\w{0,7}$", urllib.parse.urlsplit(address).path) is not None
