"""Sample files: which ones a snippet asks for, and whether real readers can read them."""

from __future__ import annotations

import csv
import io
import json
import struct
import time
import wave
import zlib
from pathlib import Path

import numpy
import pytest

from rlaif.data.apibench import read_apibench
from rlaif.data.completion import parse_completion
from rlaif.execution.hubs.sample_files import SampleFile, contents, files_for
from rlaif.execution.hubs.sample_files.pictures import FRAMES, HEIGHT, WIDTH

READ = {
    "Image.open('photo.jpg')": ("photo.jpg", "jpeg"),
    "image = load_img('./path/to/your/image.png', target_size=(8, 8))": ("path/to/your/image.png", "png"),
    "name = 'image_path'\nimage = tf.keras.preprocessing.image.load_img(name)": ("image_path", "jpeg"),
    "classifier = pipeline('image-classification')\nclassifier('cat.jpeg')": ("cat.jpeg", "jpeg"),
    "transcribe(['clip.mp3'])": ("clip.mp3", "sound"),
    "waveform, rate = torchaudio.load('audio/file')": ("audio/file", "sound"),
    "path = os.path.join('data', 'clip.wav')\nsf.read(path)": ("data/clip.wav", "sound"),
    "with open(Path('notes') / 'input.txt') as file: text = file.read()": ("notes/input.txt", "text"),
    "def show(path):\n    return Image.open(path)\nshow('scan')": ("scan", "jpeg"),
    "for name in ['a_file']:\n    cv2.imread(name)": ("a_file", "jpeg"),
    "audio = tf.io.read_file('sound')\ntf.audio.decode_wav(audio)": ("sound", "sound"),
    "frames = load('path/to/video.mp4')": ("path/to/video.mp4", "video"),
    "config = json.load(open('config'))": ("config", "json"),
    "rows = pd.read_csv('data.csv')": (
        "data.csv",
        'csv {"columns": ["feature_1", "feature_2", "feature_3", "feature_4"], "separator": ","}',
    ),
    "v = np.load('voice.npy')": ("voice.npy", "array"),
}


@pytest.mark.parametrize("code", READ)
def test_a_file_that_is_read_is_given(code: str) -> None:
    assert files_for(code) == (SampleFile(*READ[code]),)


NOT_READ = [
    "image.save('photo.jpg')",
    "open('notes.txt', 'w').write('a')\nopen('notes.txt').read()",
    "open('notes.txt', mode='ab')",
    "name = 'result.wav'\nsf.write(name, wave, 16000)",
    "model(x, output_path='result.png')",
    "frame.to_csv('result.csv')",
    "requests.get('https://example.com/image.jpg')",
    "Image.open(requests.get('https://example.com/image.jpg', stream=True).raw)",
    "hf_hub_download(repo_id='owner/name', filename='config.json')",
    "path = tf.keras.utils.get_file('image.jpg', origin=url)",
    "AutoModel.from_pretrained('owner/name.json')",
    "print('look at image.jpg')",
    "Image.open('/path/to/image.jpg')",
    "Image.open('../image.jpg')",
    "Image.open('a/../../image.jpg')",
    "Image.open('~/image.jpg')",
    "Image.open('C:\\\\image.jpg')",
    "Image.open('')",
    "Image.open('.')",
    "Image.open('im\\x00age.jpg')",
    "open('snippet.py').read()",
    "torch.load(open('weights.pt', 'rb'))",
    "os.path.exists('image.jpg')",
    "Image.open('image.jpg'",
    "x = " + "-" * 100_000 + "1",
    "x = " + "(" * 3_000 + "1" + ")" * 3_000,
]


@pytest.mark.parametrize("code", NOT_READ, ids=lambda code: code[:40])
def test_what_is_written_fetched_elsewhere_or_out_of_reach_is_not_given(code: str) -> None:
    assert files_for(code) == ()


def test_names_that_refer_to_themselves_end() -> None:
    assert files_for("a = b\nb = a\nname = name + '.jpg'\nImage.open(name)\nopen(a)") == ()


def test_code_that_is_made_to_take_for_ever_does_not() -> None:
    names = "\n".join(f"n{level} = n{level + 1}" for level in range(5) for _ in range(200))
    code = names + "\n" + "open(n0 + n0)\n" * 3_000
    started = time.process_time()
    assert files_for(code) == ()
    assert files_for("a = '" + "x" * 1_000 + "'\nopen(f'" + "{a}" * 20_000 + "')") == ()
    assert time.process_time() - started < 5.0


def test_a_file_is_not_given_where_it_would_be_a_folder() -> None:
    assert files_for("Image.open('data')\nImage.open('data/a.jpg')") == (SampleFile("data/a.jpg", "jpeg"),)


def test_tables_have_the_columns_and_objects_the_keys_that_are_asked_for() -> None:
    code = (
        "table = pd.read_csv('houses.csv', sep=';')\n"
        "config = json.load(open('config.json'))\n"
        "y = table['price']\nrest = table.drop(columns=['label'])\nx = rest[['area', 'rooms']]\n"
        "wanted = config['features']\nother = something['else']\n"
    )
    files = {file.path: file.kind for file in files_for(code)}
    names, *rows = csv.reader(io.StringIO(contents(files["houses.csv"]).decode()), delimiter=";")
    assert {"price", "label", "area", "rooms"} <= set(names)
    assert "else" not in names
    assert {len(row) for row in rows} == {len(names)}
    assert [float(row[names.index("area")]) for row in rows]
    assert {row[names.index("label")] for row in rows} == {"0", "1"}
    features = json.loads(contents(files["config.json"]))["features"]
    assert set(features) <= set(names)


def test_png_is_a_whole_picture() -> None:
    data = contents("png")
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    pixels, position = b"", 8
    while position < len(data):
        length, name = struct.unpack(">I4s", data[position : position + 8])
        body = data[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack(">I", data[position + 8 + length : position + 12 + length])
        assert checksum == zlib.crc32(name + body)
        pixels += body if name == b"IDAT" else b""
        position += 12 + length
    assert len(zlib.decompress(pixels)) == HEIGHT * (1 + 3 * WIDTH)


@pytest.mark.parametrize("kind", ["jpeg", "png", "bmp"])
def test_pictures_are_read_by_a_real_reader(kind: str) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    picture = image.open(io.BytesIO(contents(kind))).convert("RGB")
    assert picture.size == (WIDTH, HEIGHT)
    for place, colour in (((0, 0), (40, 60, 60)), ((100, 96), (200, 40, 40)), ((255, 191), (40, 213, 215))):
        assert all(abs(a - b) <= 3 for a, b in zip(picture.getpixel(place), colour, strict=True))


def test_a_film_is_frames_that_the_index_finds() -> None:
    data = contents("video")
    assert (data[:4], data[8:12]) == (b"RIFF", b"AVI ")
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    movie, index = data.index(b"movi"), data.rindex(b"idx1") + 8
    entries = [struct.unpack("<4sIII", data[at : at + 16]) for at in range(index, len(data), 16)]
    assert len(entries) == FRAMES
    frames = [data[movie + offset + 8 : movie + offset + 8 + length] for _, _, offset, length in entries]
    assert all(frame[:2] == b"\xff\xd8" and frame[-2:] == b"\xff\xd9" for frame in frames)
    assert len(set(frames)) > FRAMES // 2


def test_sound_and_array_are_read_back() -> None:
    with wave.open(io.BytesIO(contents("sound"))) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (1, 16_000, 32_000)
        assert max(abs(value) for (value,) in struct.iter_unpack("<h", sound.readframes(32_000))) > 5_000
    vector = numpy.load(io.BytesIO(contents("array")))
    assert (vector.shape, vector.dtype) == ((512,), numpy.float32)


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such kind"):
        contents("parquet")


@pytest.mark.slow
def test_references_of_all_hubs(apibench_dir: Path) -> None:
    """Every file that is found can be made; how many references get some is known."""
    given = {}
    for hub in ("huggingface", "tensorflow", "torchhub"):
        examples, _ = read_apibench(apibench_dir / "apibench" / f"{hub}_eval.json", hub, "eval")
        files = [files_for(parse_completion(example.reference).code or "") for example in examples]
        assert all(file.kind.startswith("model ") or contents(file.kind) for found in files for file in found)
        given[hub] = sum(bool(found) for found in files)
    assert given == {"huggingface": 172, "tensorflow": 73, "torchhub": 1}


def test_a_file_of_a_models_repository_is_not_made_and_one_beside_the_snippet_is() -> None:
    code = "model.separate_file(path={path!r})"
    assert files_for(code.format(path="speechbrain/sepformer-wsj02mix/test_mixture.wav")) == ()
    assert [file.path for file in files_for(code.format(path="path/to/mixture.wav"))] == ["path/to/mixture.wav"]
