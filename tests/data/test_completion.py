"""The parser of completions: shapes, round trip, hostile text, and the share of real code that parses."""

from __future__ import annotations

import ast
import json
import random
import time
import warnings
from pathlib import Path

import pytest

from rlaif.data.apibench import split_record
from rlaif.data.completion import Completion, parse_completion, render_completion

FULL = Completion(
    domain="Object Detection",
    api_call="torch.hub.load('ultralytics/yolov5', 'yolov5s')",
    api_provider="PyTorch",
    explanation='1. Load "yolov5".\n2. Detect.',
    code="import torch\nmodel = torch.hub.load('ultralytics/yolov5', 'yolov5s')\nprint(\"a\\nb\")",
)


def test_newline_sections() -> None:
    text = (
        "<<<domain>>>: D, E\n<<<api_call>>>: f(x,)\n<<<api_provider>>>: P\n"
        "<<<explanation>>>:1. a\n2. b\n<<<code>>>: import os\nos.getcwd()\n"
    )
    assert parse_completion(text) == Completion("D, E", "f(x,)", "P", "1. a\n2. b", "import os\nos.getcwd()")


def test_one_line_comma_sections() -> None:
    text = (
        "<<<domain>>>: Image, <<<api_call>>>: hub.load('u', x=[1, 2]), <<<api_provider>>>: TensorFlow Hub, "
        "<<<explanation>>>: Loads, then runs.<<<code>>>: import tensorflow as tf\nx = 1\n"
    )
    expected = Completion(
        "Image", "hub.load('u', x=[1, 2])", "TensorFlow Hub", "Loads, then runs.", "import tensorflow as tf\nx = 1"
    )
    assert parse_completion(text) == expected


@pytest.mark.parametrize("tail", ["'}", "'}}", "' }}", "'\n}}\n", "'}\n", ""])
def test_dict_looking_string(tail: str) -> None:
    text = (
        "{'domain': 'Depth', 'api_call': \"m = torch.hub.load('a', 'b')\", 'api_provider': 'PyTorch', "
        "'explanation': 'It\\'s \"one\", said 'he'.', "
        "'code': 'import torch\nm = torch.hub.load('a', 'b')\nd = {'x': {1}}"
    )
    expected = Completion(
        "Depth",
        "m = torch.hub.load('a', 'b')",
        "PyTorch",
        "It's \"one\", said 'he'.",
        "import torch\nm = torch.hub.load('a', 'b')\nd = {'x': {1}}",
    )
    assert parse_completion(text + tail) == expected


def test_dict_with_instruction_and_a_foreign_key_after_the_code() -> None:
    text = "{'Instruction': Do, it., 'Output': {'domain': 'D', 'code': 'x = 1', 'performance': {'top': 1}}}"
    completion = parse_completion(text)
    assert (completion.domain, completion.code) == ("D", "x = 1")


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("quote", ["", '"'])
def test_body_of_a_json_string(levels: int, quote: str) -> None:
    text = render_completion(FULL)
    for _ in range(levels):
        text = json.dumps(text)[1:-1]
    completion = parse_completion(text + quote)
    assert completion == FULL
    assert "unescape" in completion.steps and ("stray_quote" in completion.steps) == bool(quote)


def test_answer_that_starts_in_the_middle_of_the_explanation() -> None:
    completion = parse_completion('model loads.\\n2. Run.\\n<<<code>>>: import x\\nx.y(\\"\\u00e9\\")\\n"')
    assert completion == Completion(explanation="model loads.\n2. Run.", code='import x\nx.y("é")')


@pytest.mark.parametrize(
    "text",
    [
        "Do this:\n```python\nimport os\nos.x()\n```\nDone.",
        "Do this:\n### Code:\n```\nimport os\nos.x()\n```",
        "Do this:\n###Code: import os\nos.x()",
        "<<<explanation>>>: Do this:\n<<<code>>>:\n```python\nimport os\nos.x()\n```",
        "<<<explanation>>>: Do this:\n<<<code>>>:\n    import os\n    os.x()",
        "<<<explanation>>>: Do this:\n<<<code>>>: import os\\nos.x()",
        "<<<explanation>>>: Do this:<<code>>>: import os\nos.x()\n```",
        "<<<explanation>>>: Do this:\n<<<code>>>: import os\nos.x()\n<<<summary>>>: z\n<<<code>>>: again",
    ],
)
def test_code_in_other_packagings(text: str) -> None:
    assert parse_completion(text) == Completion(explanation="Do this:", code="import os\nos.x()")


def test_bare_code_is_code_and_bare_prose_is_not() -> None:
    assert parse_completion("import os\nos.getcwd()") == Completion(code="import os\nos.getcwd()")
    assert parse_completion("from all of us, thanks") == Completion(explanation="from all of us, thanks")
    assert parse_completion("") == parse_completion('"') == Completion()


@pytest.mark.parametrize("code", ["!pip install x\nimport x", "import os\nprint(", "x = '\\n'", "s = '''\n```\n'''"])
def test_nothing_is_repaired(code: str) -> None:
    assert parse_completion(f"<<<domain>>>: D\n<<<code>>>: {code}").code == code
    assert parse_completion(f"<<<code>>>: {code}").code == code


def test_half_a_surrogate_pair_can_be_written_to_a_file() -> None:
    completion = parse_completion('<<<code>>>: x = \\"\\ud83d\\ude00 \\ud83d\\"\\n"')
    assert completion.code == 'x = "\U0001f600 �"'
    assert completion.code.encode()


def test_round_trip_of_random_sections() -> None:
    rng = random.Random(0)
    words = ["load", "a,b", '"it\'s"', "x=[1, 2]", "{'a': 1}", "\\n", "'}", "#", "é", "'code': '", ">>>", "<<"]
    lines = [
        "import os",
        "if x:",
        "x = {'a': \"\\n\"}",
        "    pass",
        "",
        "# it's \\t",
        'print("a")  # "',
        "y = '''",
        "'''",
    ]
    for _ in range(500):
        prose = [" ".join(["w", *rng.choices(words, k=4), "w"]) for _ in range(4)]
        code = "\n".join(["import a", *rng.choices(lines, k=rng.randrange(5)), "b = 1"])
        sections = [value if rng.random() < 0.8 else None for value in (*prose, code)]
        sections[rng.randrange(3)] = "kept"  # two sections make two lines
        sections[3] = sections[3] or "kept"
        completion = Completion(*sections)
        assert parse_completion(render_completion(completion)) == completion


@pytest.mark.parametrize("lead", ["", "<<<code>>>: ", "{'domain': 'x', 'code': '", "```", "# x\\n"])
def test_hostile_text_is_read_fast_and_without_error(lead: str) -> None:
    units = [
        "<",
        "<<<code>>>",
        "\\",
        "\\n",
        '\\"',
        '"',
        "```",
        "```\n",
        "}",
        "'",
        "{'code': '",
        ",",
        "\n",
        "\t",
        "(",
        "'}",
    ]
    for unit in units:
        start = time.process_time()
        render_completion(parse_completion(lead + unit * (200_000 // len(unit)) + "'}"))
        assert time.process_time() - start < 1.0, (lead, unit)


def test_random_text_never_raises() -> None:
    rng = random.Random(1)
    tokens = [
        "<<<code>>>",
        "{'code': '",
        "\\",
        "\\ud83d",
        '"',
        "'",
        "```",
        "\n",
        "\x00",
        "'}",
        "(",
        "import a",
        "#",
        "\\n",
    ]
    for _ in range(3000):
        render_completion(parse_completion("".join(rng.choices(tokens, k=rng.randrange(12)))))


@pytest.mark.parametrize(
    ("name", "num_code", "share"),
    [
        ("apibench/huggingface_eval.json", 891, 0.952),
        ("apibench/tensorflow_eval.json", 679, 0.977),
        ("apibench/torchhub_eval.json", 185, 0.984),
        ("apibench/torchhub_train.json", 835, 0.994),
        ("responses/response_huggingface_Gorilla_FT_0_shot.jsonl", 877, 0.927),
        ("responses/response_tensorflowhub_Gorilla_FT_0_shot.jsonl", 657, 0.956),
        ("responses/response_torchhub_Gorilla_FT_0_shot.jsonl", 184, 0.984),
    ],
)
def test_share_of_real_code_that_parses(apibench_dir: Path, name: str, num_code: int, share: float) -> None:
    """The floors were measured with another, independent, extraction; 0.3 points are left for it to differ."""
    rows = [json.loads(line) for line in (apibench_dir / name).read_text().splitlines()]
    texts = [split_record(row["code"])[1] if "code" in row else row["text"] for row in rows]
    code = [completion.code for completion in map(parse_completion, texts) if completion.code is not None]
    assert num_code <= len(code) <= num_code + 6
    assert sum(map(_parses, code)) / len(code) >= share - 0.003


@pytest.mark.parametrize("hub", ["huggingface", "tensorflowhub", "torchhub"])
@pytest.mark.parametrize("variant", ["FT", "RT"])
def test_what_is_read_from_real_answers_survives_the_canonical_form(apibench_dir: Path, hub: str, variant: str) -> None:
    path = apibench_dir / "responses" / f"response_{hub}_Gorilla_{variant}_0_shot.jsonl"
    for line in path.read_text().splitlines():
        completion = parse_completion(json.loads(line)["text"])
        assert parse_completion(render_completion(completion)) == completion


def _parses(code: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(code)
        except SyntaxError:
            return False
    return True
