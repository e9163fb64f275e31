"""Small data sets where the `datasets` library keeps those that it has loaded before, and looks when it is offline.

Names, configs, splits and features are those of the hub's data sets, as their cards state them;
sounds and pictures are made up. Rows are as many as the original has where code asks for one by its number.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import soundfile
from datasets import Audio, ClassLabel, Dataset, DatasetInfo, Features, Image, Sequence, SplitDict, SplitInfo, Value
from datasets.naming import camelcase_to_snakecase, filename_prefix_for_split
from PIL import Image as Picture

_RATE = 16_000
_SECONDS = 2
_VERSION, _HASH = "0.0.0", "0" * 40
_SPEECH_ROWS, _COMMAND_ROWS = 73, 4
_VOICE_ROWS, _VOICE_SIZE = 7931, 512
_SENTENCES = (
    "MISTER QUILTER IS THE APOSTLE OF THE MIDDLE CLASSES AND WE ARE GLAD TO WELCOME HIS GOSPEL",
    "NOR IS MISTER QUILTER'S MANNER LESS INTERESTING THAN HIS MATTER",
    "THE RIVER IS WIDE AND THE EVENINGS IN SUMMER ARE LONG",
)
_KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go", "_silence_", "_unknown_")
_EMOTIONS = ("neu", "hap", "ang", "sad")
_SPEAKERS = tuple(f"id{10_001 + number}" for number in range(1251))


@dataclass(frozen=True)
class DataSet:
    """One split of one config of a data set."""

    name: str
    config: str
    split: str
    features: Features
    columns: Mapping[str, list[Any]]
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What rows name that lies beside the table, by path below the library's cache folder."""


def write_data_sets(folder: Path) -> None:
    """Below a folder named for each data set (with -- for its /): what belongs into the library's cache folder."""
    for data_set in _data_sets():
        _write(data_set, folder / data_set.name.replace("/", "--"))


def _data_sets() -> list[DataSet]:
    speech = [
        _speech(name)
        for name in (
            "hf-internal-testing/librispeech_asr_dummy",
            "hf-internal-testing/librispeech_asr_demo",
            "patrickvonplaten/librispeech_asr_dummy",
        )
    ]
    commands = [
        _commands("ks", "test", _KEYWORDS),
        _commands("er", "session1", _EMOTIONS),
        _commands("si", "test", _SPEAKERS),
    ]
    return [*speech, *commands, _voices(), _cats()]


def _write(data_set: DataSet, folder: Path) -> None:
    owner, _, name = data_set.name.partition("/")
    target = folder / f"{owner}___{camelcase_to_snakecase(name)}" / data_set.config / _VERSION / _HASH
    target.mkdir(parents=True)
    table = Dataset.from_dict(dict(data_set.columns), features=data_set.features).data.table
    # Compressed: it goes with every snippet that names the data set.
    options = pyarrow.ipc.IpcWriteOptions(compression="zstd")
    path = target / f"{filename_prefix_for_split(name, data_set.split)}.arrow"
    with pyarrow.ipc.new_stream(str(path), table.schema, options=options) as stream:
        stream.write_table(table)
    for place, content in data_set.files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(content)
    split = SplitInfo(data_set.split, num_examples=len(table), dataset_name=name)
    DatasetInfo(
        features=data_set.features,
        builder_name="parquet",
        dataset_name=name,
        config_name=data_set.config,
        version=_VERSION,
        splits=SplitDict({data_set.split: split}, dataset_name=name),
    ).write_to_directory(str(target))


def _speech(name: str) -> DataSet:
    rows = range(_SPEECH_ROWS)
    ids = [f"1272-128104-{row:04d}" for row in rows]
    features = {
        "file": Value("string"),
        "audio": Audio(_RATE),
        "text": Value("string"),
        "speaker_id": Value("int64"),
        "chapter_id": Value("int64"),
        "id": Value("string"),
    }
    columns = {
        "file": [f"{one}.flac" for one in ids],
        "audio": [{"path": f"{one}.flac", "bytes": _sound("FLAC")} for one in ids],
        "text": [_SENTENCES[row % len(_SENTENCES)] for row in rows],
        "speaker_id": [1272] * len(ids),
        "chapter_id": [128104] * len(ids),
        "id": ids,
    }
    return DataSet(name, "clean", "validation", Features(features), columns)


def _commands(config: str, split: str, labels: tuple[str, ...]) -> DataSet:
    """Of the SUPERB demonstration: sounds of a class. Their files are named as one finds them from the home folder."""
    rows = range(_COMMAND_ROWS)
    names = [f"downloads/extracted/superb_demo/{config}_{row}.wav" for row in rows]
    features = {"file": Value("string"), "audio": Audio(_RATE), "label": ClassLabel(names=list(labels))}
    columns = {
        "file": [f".cache/huggingface/datasets/{name}" for name in names],
        "audio": [{"path": Path(name).name, "bytes": _sound("WAV")} for name in names],
        "label": [row % len(labels) for row in rows],
    }
    files = {name: _sound("WAV") for name in names}
    return DataSet("anton-l/superb_demo", config, split, Features(features), columns, files)


def _voices() -> DataSet:
    """Embeddings of speakers' voices."""
    vector = numpy.sin(numpy.arange(_VOICE_SIZE), dtype=numpy.float32) / math.sqrt(_VOICE_SIZE / 2)
    features = {"filename": Value("string"), "xvector": Sequence(Value("float32"))}
    columns = {
        "filename": [f"cmu_us_awb_arctic-wav-arctic_a{row:04d}" for row in range(_VOICE_ROWS)],
        "xvector": [vector] * _VOICE_ROWS,
    }
    return DataSet("Matthijs/cmu-arctic-xvectors", "default", "validation", Features(features), columns)


def _cats() -> DataSet:
    levels = numpy.indices((480, 640)).sum(axis=0) * 255 // (480 + 640)
    file = io.BytesIO()
    Picture.fromarray(numpy.stack([levels, levels[::-1], levels[:, ::-1]], axis=-1).astype("uint8")).save(file, "JPEG")
    columns = {"image": [{"path": "cats_image.jpeg", "bytes": file.getvalue()}]}
    return DataSet("huggingface/cats-image", "image", "test", Features({"image": Image()}), columns)


def _sound(container: str) -> bytes:
    """A tone that swells and fades."""
    time = numpy.arange(_RATE * _SECONDS) / _RATE
    wave = 0.3 * numpy.sin(math.pi * time / _SECONDS) * numpy.sin(2 * math.pi * 220 * time)
    file = io.BytesIO()
    soundfile.write(file, wave, _RATE, format=container)
    return file.getvalue()
