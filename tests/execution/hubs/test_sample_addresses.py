"""Which addresses are answered in a sandbox, and with what."""

from __future__ import annotations

import json
import time

import pytest

from rlaif.execution.hubs.sample_files import addresses_for, contents, media_type

FETCHED = {
    "Image.open(requests.get('https://example.com/image.jpg', stream=True).raw)": {
        "https://example.com/image.jpg": "jpeg"
    },
    "url = 'http://images.org/a%20b/0001.PNG?raw=true'\nimage = load_image(url)": {
        "http://images.org/a%20b/0001.PNG?raw=true": "png"
    },
    "classifier = pipeline('audio-classification')\nclassifier('https://example.com/clip.flac')": {
        "https://example.com/clip.flac": "sound"
    },
    "url = 'https://your_image_url_here'\nimage = Image.open(requests.get(url, stream=True).raw)": {
        "https://your_image_url_here": "jpeg"
    },
    "Image.open(BytesIO(requests.get('https://picture.jpeg').content))": {"https://picture.jpeg": "jpeg"},
    "torch.hub.download_url_to_file('https://a.b/imagenet_classes.txt', 'c.txt')": {
        "https://a.b/imagenet_classes.txt": "labels"
    },
    "base = 'https://a.b/'\nImage.open(urlopen(base + 'photo'))": {"https://a.b/photo": "jpeg"},
    "rows = pd.read_csv('https://a.b/wine.csv', sep=';')\nrows['alcohol']": {
        "https://a.b/wine.csv": 'csv {"columns": ["alcohol"], "separator": ";"}'
    },
    "facts = requests.get('https://a.b/c.json').json()\nfacts['sentences']": {
        "https://a.b/c.json": 'json {"keys": ["sentences"]}'
    },
}


@pytest.mark.parametrize("code", FETCHED, ids=lambda code: code[:40])
def test_an_address_whose_content_is_known_has_a_page(code: str) -> None:
    assert addresses_for(code) == FETCHED[code]


UNKNOWN = [
    "requests.get('https://api.example.com/v1/answer').json()",
    "requests.get('https://api.example.com/v1/answer.json').json()",
    "requests.get('https://example.com/model.bin')",
    "Image.open(requests.get('https://example.com/pictures.zip').raw)",
    "Image.open(requests.get('https://example.com/photo').raw)\nlibrosa.load('clip')",
    "print('see https://example.com for more')",
    "requests.get(input())",
    "requests.get('ftp://example.com/image.jpg')",
    "requests.get('file:///etc/passwd')\nImage.open('x')",
    "requests.get('file:///etc/image.jpg')",
    "requests.get('http:///image.jpg')",
    "requests.get('http://[image.jpg')",
    "requests.get('https://a.b/c d.jpg')",
    "requests.get('https://a.b/c\\nX-Header: d.jpg')",
    "requests.get('https://a.b/image.jpg'",
    "x = 'http'" + "(" * 3_000 + "1" + ")" * 3_000,
]


@pytest.mark.parametrize("code", UNKNOWN, ids=lambda code: code[:40])
def test_any_other_has_none(code: str) -> None:
    assert addresses_for(code) == {}


def test_they_are_bounded_in_number_and_time() -> None:
    code = "\n".join(f"requests.get('https://a.b/{number}.jpg')" for number in range(1_000))
    started = time.process_time()
    assert len(addresses_for(code)) == 16
    names = "\n".join(f"a{number} = a{number + 1} + a{number + 1}" for number in range(2_000))
    addresses_for(f"{names}\na2000 = 'http://a.b'\nImage.open(requests.get(a0).raw)")
    assert time.process_time() - started < 2.0


def test_a_page_says_what_it_is() -> None:
    kinds = [kind for found in FETCHED.values() for kind in found.values()]
    assert all(contents(kind) for kind in kinds)
    assert {media_type(kind).partition("/")[0] for kind in kinds} == {"image", "audio", "text", "application"}
    assert json.loads(contents('json {"keys": ["sentences"]}'))["sentences"]
    assert media_type("array") == "application/octet-stream"
