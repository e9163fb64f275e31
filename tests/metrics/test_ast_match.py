"""AST match: by hand on cases like each database's, and on the real files beside Gorilla's own figures."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from rlaif.config import MiniConfig
from rlaif.data.api_database import read_database
from rlaif.data.apibench import read_apibench
from rlaif.data.completion import Completion, parse_completion
from rlaif.data.mini import generate
from rlaif.data.responses import load_responses
from rlaif.metrics.api_database import ApiDatabase
from rlaif.metrics.ast_match import AstMatch, match_completion
from rlaif.records import ApiRow, Example

TORCH = ApiDatabase(
    [
        ApiRow("torch.hub.load(repo_or_dir='pytorch/vision', model='vgg11', pretrained=True)", "Classification", ""),
        ApiRow("torch.hub.load(repo_or_dir='pytorch/vision', model='fcn_resnet50')", "Segmentation", ""),
        ApiRow("torch.hub.load(repo_or_dir='NVIDIA/DLE:torchhub', model='nvidia_ssd')", "Detection", ""),
        ApiRow("torch.hub.load(repo_or_dir='x/MEAL', 'meal', model='meal_b0')", "Classification", ""),
    ]
)
HF = ApiDatabase(
    [
        ApiRow("AutoModel.from_pretrained('bert')", "Features", "", "bert"),
        ApiRow("pipeline('sentiment-analysis', model='finbert')", "Text", "", "finbert"),
        ApiRow("T5Model.from_pretrained('t5')", "Features", "", "t5"),
        ApiRow("joblib.load('model.joblib')", "Tables A", ""),
        ApiRow("joblib.load('model.joblib')", "Tables B", ""),
    ]
)
TF = ApiDatabase(
    [
        ApiRow("hub.load('https://tfhub.dev/a/1')", "Text", ""),
        ApiRow("hub.KerasLayer('https://tfhub.dev/b/1')", "Image", ""),
        ApiRow("tf.keras.Sequential([hub.KerasLayer(model_id)])", "Image", ""),
    ]
)
MINI = ApiDatabase(
    [
        ApiRow("json.loads(s)", "Structured", "", "json.loads"),
        ApiRow("json.dumps(obj, indent=None)", "Structured", "", "json.dumps"),
        ApiRow("datetime.date.fromisoformat(date_string)", "Dates", "", "datetime.date.fromisoformat"),
        ApiRow("datetime.datetime.fromisoformat(date_string)", "Dates", "", "datetime.datetime.fromisoformat"),
        ApiRow("open(file, mode='r')", "Files", "", "open"),
    ]
)

RIGHT, WRONG_DOMAIN, UNKNOWN = (True, False), (False, False), (False, True)


def example(api_call: str, domain: str) -> Example:
    return Example("e", "", "", api_call, domain, "", "eval")


def verdict(match: AstMatch) -> tuple[bool | None, bool | None]:
    return match.correct, match.hallucinated


def test_what_makes_an_answer_right_follows_from_the_rows() -> None:
    assert [database.match_by for database in (TORCH, HF, TF, MINI)] == ["domain", "domain", "domain", "api"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("model = torch.hub.load('pytorch/vision', 'vgg11', pretrained=True)", RIGHT),
        ("torch.hub.load(model='vgg11', repo_or_dir='pytorch/vision')", RIGHT),
        ("torch.hub.load('pytorch/vision:v0.10.0', 'vgg11')", RIGHT),
        ("torch.hub.load('pytorch/vision', 'fcn_resnet50')", WRONG_DOMAIN),
        ("torch.hub.load('pytorch/vision', 'vgg11_bn')", UNKNOWN),
        ("torch.hub.load('elsewhere/vision', 'vgg11')", UNKNOWN),
        ("torch.hub.load('vgg11', 'pytorch/vision')", UNKNOWN),
        ("torch.hub.load('pytorch/vision', 'vgg13', source='vgg11')", UNKNOWN),
        ("torch.hub.load('NVIDIA/DLE:torchhub', 'nvidia_ssd')", WRONG_DOMAIN),
        ("torch.hub.load('NVIDIA/DLE', 'nvidia_ssd')", UNKNOWN),
        ("torch.hub.load('x/MEAL', 'meal', 'meal_b0')", RIGHT),
        ("load_state_dict('pytorch/vision', 'vgg11')", UNKNOWN),
        ("vgg11", UNKNOWN),
    ],
)
def test_torch_hub(call: str, expected: tuple[bool, bool]) -> None:
    target = example("torch.hub.load(repo_or_dir='pytorch/vision', model='vgg11', pretrained=True)", "Classification")
    assert verdict(match_completion(Completion(api_call=call), target, TORCH)) == expected


@pytest.mark.parametrize(
    ("completion", "domain", "expected"),
    [
        (Completion(api_call="AutoModel.from_pretrained('bert')"), "Features", RIGHT),
        (Completion(api_call="transformers.AutoModel.from_pretrained('bert', revision='x')"), "Features", RIGHT),
        (Completion(api_call="BertModel.from_pretrained('bert')"), "Features", UNKNOWN),
        (Completion(api_call="AutoModel.from_pretrained('bert-large')"), "Features", UNKNOWN),
        (Completion(api_call="pipeline('text-classification', model='finbert')"), "Text", RIGHT),
        (Completion(api_call="pipeline(model='finbert')"), "Features", WRONG_DOMAIN),
        (Completion(api_call="pipeline('text-classification', 'finbert')"), "Text", RIGHT),
        (Completion(api_call="pipeline('finbert')"), "Text", UNKNOWN),
        (Completion(api_call="pipeline(model='other', tokenizer='finbert')"), "Text", UNKNOWN),
        (Completion(api_call="joblib.load('model.joblib')"), "Tables B", RIGHT),
        (Completion(code="from transformers import AutoModel as M\nM.from_pretrained('bert')"), "Features", RIGHT),
        (Completion(api_call="M.from_pretrained(i)", code="i = 'bert'\nM = AutoModel"), "Features", UNKNOWN),
        (Completion(api_call="AutoModel.from_pretrained(i)", code="i = 'bert'"), "Features", RIGHT),
        (Completion(api_call="GPT-3", code="AutoModel.from_pretrained('bert')"), "Features", RIGHT),
        (Completion(api_call="GPT-3"), "Features", UNKNOWN),
        (Completion(explanation="I cannot help."), "Features", WRONG_DOMAIN),
        (Completion(code="# to do"), "Features", WRONG_DOMAIN),
    ],
)
def test_hugging_face(completion: Completion, domain: str, expected: tuple[bool, bool]) -> None:
    target = example("AutoModel.from_pretrained('bert')", domain)
    assert verdict(match_completion(completion, target, HF)) == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (Completion(api_call="hub.KerasLayer('https://tfhub.dev/b/1', input_shape=[2])"), RIGHT),
        (Completion(api_call="tf.keras.Sequential([hub.KerasLayer('https://tfhub.dev/b/1')])"), RIGHT),
        (Completion(code="import tensorflow_hub\ntensorflow_hub.KerasLayer('https://tfhub.dev/b/1')"), RIGHT),
        (Completion(code="import tensorflow_hub as h\nh.KerasLayer('https://tfhub.dev/b/1')"), RIGHT),
        (Completion(api_call="hub.load('https://tfhub.dev/a/1')"), WRONG_DOMAIN),
        (Completion(api_call="hub.load('https://tfhub.dev/b/1')"), UNKNOWN),
        (Completion(api_call="tf.keras.Sequential([tf.keras.layers.Dense(3)])"), UNKNOWN),
    ],
)
def test_tensorflow_hub(completion: Completion, expected: tuple[bool, bool]) -> None:
    target = example("hub.KerasLayer('https://tfhub.dev/b/1')", "Image")
    assert verdict(match_completion(completion, target, TF)) == expected


@pytest.mark.parametrize(
    ("completion", "reference", "expected"),
    [
        (Completion(api_call="json.loads('[1]')"), "json.loads('[2]')", RIGHT),
        (Completion(code="from json import loads\nprint(loads('[1]'))"), "json.loads('[2]')", RIGHT),
        (Completion(api_call="json.dumps([1])"), "json.loads('[2]')", WRONG_DOMAIN),
        (Completion(api_call="json.parse('[1]')"), "json.loads('[2]')", UNKNOWN),
        (Completion(api_call="pickle.loads(b'')"), "json.loads('[2]')", UNKNOWN),
        (Completion(api_call="datetime.date.fromisoformat('d')"), "datetime.datetime.fromisoformat('d')", WRONG_DOMAIN),
        (Completion(api_call="open('a.txt')"), "open('b.txt', 'w')", RIGHT),
    ],
)
def test_apis_told_apart_by_callee(completion: Completion, reference: str, expected: tuple[bool, bool]) -> None:
    assert verdict(match_completion(completion, example(reference, "Structured"), MINI)) == expected


@pytest.mark.parametrize(
    ("call", "exact"),
    [
        ("model = torch.hub.load('pytorch/vision', 'vgg11', pretrained=True)", True),
        ("torch.hub.load('pytorch/vision', pretrained=True, model='vgg11')", True),
        ("torch.hub.load('pytorch/vision', 'vgg11')", False),
        ("torch.hub.load('pytorch/vision:v1', 'vgg11', pretrained=True)", False),
    ],
)
def test_exact_call_binds_arguments(call: str, exact: bool) -> None:
    target = example("torch.hub.load(repo_or_dir='pytorch/vision', model='vgg11', pretrained=True)", "Classification")
    assert match_completion(Completion(api_call=call), target, TORCH).exact_call is exact


def test_what_cannot_be_told_is_none() -> None:
    empty = ApiDatabase([])
    target = example("json.loads('1')", "Structured")
    assert match_completion(Completion(api_call="json.loads('1')"), target, empty) == AstMatch(None, None, True)
    no_call = example("./run.sh", "Structured")
    assert match_completion(Completion(api_call="json.loads('1')"), no_call, MINI) == AstMatch(None, False, None)


def test_references_of_the_embedded_data_set_are_right() -> None:
    examples, rows = generate(MiniConfig(train_per_api=2, eval_per_api=1))
    database = ApiDatabase(rows)
    assert database.match_by == "api"
    matches = [match_completion(parse_completion(one.reference), one, database) for one in examples]
    assert set(matches) == {AstMatch(correct=True, hallucinated=False, exact_call=True)}


def test_another_api_of_the_same_domain_is_not_right() -> None:
    examples, rows = generate(MiniConfig(train_per_api=1, eval_per_api=1))
    database = ApiDatabase(rows)
    for example, other in itertools.pairwise(examples[: len(rows)]):
        match = match_completion(parse_completion(other.reference), example, database)
        assert (match.correct, match.hallucinated, match.exact_call) == (False, False, False)


def test_rows_that_are_no_python_are_counted() -> None:
    assert ApiDatabase([ApiRow("./run.sh --skip", "d", ""), ApiRow("f(x)", "d", "")]).num_unparsed == 1


# Functional accuracy and hallucination of the unmodified official scripts on the recorded 0-shot answers of
# the fine-tuned Gorilla. HF: with any identical row accepted, the published .7168. Where the rule here is not
# near the scripts', because of what the module's docstring lists, None: on Torch Hub the scripts cut the call
# out of an escaped text and lose 16 of 186 calls that are in the database.
OFFICIAL = {
    "huggingface": ("huggingface", 0.7168, 0.1095),
    "tensorflow": ("tensorflowhub", 0.8380, 0.0540),
    "torchhub": ("torchhub", None, None),
}
MEASURED = {"huggingface": (0.7312, 0.0830), "tensorflow": (0.8861, 0.0073), "torchhub": (0.8441, 0.0753)}


def share(matches: list[AstMatch], name: str) -> float:
    values = [getattr(match, name) for match in matches]
    return sum(value is True for value in values) / len(values)


@pytest.mark.parametrize("hub", OFFICIAL)
def test_gorilla_s_answers_beside_the_official_figures(hub: str, apibench_dir: Path) -> None:
    file_name, accuracy, hallucination = OFFICIAL[hub]
    rows, _ = read_database(apibench_dir / "api" / f"{file_name}_api.jsonl")
    examples, _ = read_apibench(apibench_dir / "apibench" / f"{hub}_eval.json", hub, "eval")
    samples = load_responses(apibench_dir / "responses" / f"response_{file_name}_Gorilla_FT_0_shot.jsonl", examples)
    by_id = {one.id: one for one in examples}
    completions = [parse_completion(sample.text) for sample in samples]
    database = ApiDatabase(rows)

    started = time.process_time()
    matches = [match_completion(c, by_id[s.example_id], database) for c, s in zip(completions, samples, strict=True)]
    assert len(matches) / (time.process_time() - started) > 500  # 1,500 a second on a quiet core

    measured = share(matches, "correct"), share(matches, "hallucinated")
    assert measured == pytest.approx(MEASURED[hub], abs=0.01)
    if accuracy is not None and hallucination is not None:
        assert measured == pytest.approx((accuracy, hallucination), abs=0.05)


@pytest.mark.parametrize(
    # The rest are calls that differ from their database row, or are no Python: see num_unparsed.
    ("hub", "own_call", "own_text"),
    [("huggingface", 0.975, 0.93), ("tensorflow", 1.0, 0.98), ("torchhub", 1.0, 0.98)],
)
def test_references_match_their_own_row(hub: str, own_call: float, own_text: float, apibench_dir: Path) -> None:
    rows, _ = read_database(apibench_dir / "api" / f"{OFFICIAL[hub][0]}_api.jsonl")
    examples, _ = read_apibench(apibench_dir / "apibench" / f"{hub}_eval.json", hub, "eval")
    database = ApiDatabase(rows)
    by_call = [match_completion(Completion(api_call=one.api_call), one, database) for one in examples]
    by_text = [match_completion(parse_completion(one.reference), one, database) for one in examples]
    assert share(by_call, "correct") >= own_call
    assert share(by_text, "correct") >= own_text
