"""The bytes of a sample file: small, the same every time, made with the standard library alone."""

from __future__ import annotations

import array
import csv
import io
import json
import math
import re
import struct
import wave
from collections.abc import Callable, Sequence
from functools import lru_cache

from rlaif.execution.hubs.sample_files import pictures

SAMPLE_RATE = 16_000
SOUND_SECONDS = 2
NUM_ROWS = 20
NUM_LABELS = 1001
"""ImageNet's classes and one for the background, as the longer of its usual lists has them."""
EMBEDDING_SIZE = 512
FEATURES = ("feature_1", "feature_2", "feature_3", "feature_4")
SENTENCES = (
    "Paris is the capital of France.",
    "Alice moved there in 2020 to work for a small company.",
    "She likes the river, the markets and the long evenings in summer.",
)

_TEXT_COLUMNS = (
    "text", "sentence", "review", "comment", "title", "name", "description", "question", "answer", "content",
)  # fmt: skip
_LABEL_COLUMNS = ("label", "target", "class", "outcome")


@lru_cache(maxsize=256)
def contents(kind: str) -> bytes:
    """The bytes of a file of a kind that `files_for` gave. ValueError where there is no such kind.

    Kinds: jpeg, png, bmp, video, sound, text, labels, jsonl, array; `csv` and `json` are followed by a
    space and a JSON object: {"columns": [...], "separator": ","}, {"keys": [...]}. A fitted model
    (kind `model`) is not made here, but comes with an environment's hub.
    """
    name, _, parameters = kind.partition(" ")
    if name not in _MAKERS:
        raise ValueError(f"{kind!r}: no such kind of sample file; one of {', '.join(sorted(_MAKERS))}")
    return _MAKERS[name](**(json.loads(parameters) if parameters else {}))


def _sound() -> bytes:
    """WAV, one channel: a tone that swells and fades. Sound libraries go by content, whatever a file is called."""
    length = SAMPLE_RATE * SOUND_SECONDS
    samples = array.array("h")
    for index in range(length):
        loudness = 0.3 * math.sin(math.pi * index / length)
        samples.append(round(32_767 * loudness * math.sin(2 * math.pi * 220 * index / SAMPLE_RATE)))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SAMPLE_RATE)
        sound.writeframes(samples.tobytes())
    return file.getvalue()


def _text() -> bytes:
    return ("\n".join(SENTENCES) + "\n").encode()


def _labels() -> bytes:
    """A class on each line."""
    return "".join(f"class {number}\n" for number in range(NUM_LABELS)).encode()


def _csv(columns: Sequence[str] = FEATURES, separator: str = ",") -> bytes:
    file = io.StringIO(newline="")
    rows = csv.writer(file, delimiter=separator, lineterminator="\n")
    rows.writerow(columns)
    for row in range(NUM_ROWS):
        rows.writerow([_cell(column.lower(), row, place) for place, column in enumerate(columns)])
    return file.getvalue().encode()


def is_number_column(column: str) -> bool:
    """Whether a table's cells below that name are numbers."""
    return re.fullmatch(r"[\d.]+", _cell(column.lower(), 0, 0)) is not None


def _cell(column: str, row: int, place: int) -> str:
    if "date" in column:
        return f"2023-01-{row + 1:02d}"
    if any(name in column for name in _TEXT_COLUMNS):
        return SENTENCES[row % len(SENTENCES)]
    if any(name in column for name in _LABEL_COLUMNS):
        return str(row % 2)
    return f"{(row * 7 + place * 3) % 11 + 0.5:.1f}"


def _json(keys: Sequence[str] = ("text", "features")) -> bytes:
    return json.dumps({key: _value(key) for key in keys}, indent=1).encode()


def _value(key: str) -> object:
    if "features" in key:
        return list(FEATURES)
    if "rate" in key:
        return SAMPLE_RATE
    return list(SENTENCES) if key.endswith("s") else SENTENCES[0]


def _jsonl() -> bytes:
    lines = [json.dumps({"text": sentence, "label": index % 2}) for index, sentence in enumerate(SENTENCES)]
    return ("\n".join(lines) + "\n").encode()


def _array() -> bytes:
    """NumPy's format 1.0: a vector of 512 numbers, such as the embedding of a speaker's voice."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({EMBEDDING_SIZE},), }}"
    header = header.ljust(128 - 10 - 1) + "\n"
    values = [math.sin(index) / 16 for index in range(EMBEDDING_SIZE)]
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    return start + struct.pack(f"<{len(values)}f", *values)


_MAKERS: dict[str, Callable[..., bytes]] = {
    "jpeg": pictures.jpeg,
    "png": pictures.png,
    "bmp": pictures.bmp,
    "video": pictures.avi,
    "sound": _sound,
    "text": _text,
    "labels": _labels,
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "array": _array,
}
