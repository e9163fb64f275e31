"""Program analysis: a yes and a no for each question, and the references of real data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from rlaif.config import DataConfig, DataSource, FeedbackConfig, JudgeKind
from rlaif.data.completion import Completion, render_completion
from rlaif.data.load import load_dataset
from rlaif.errors import UserError
from rlaif.execution import Verdict
from rlaif.feedback.build import build_static
from rlaif.feedback.judge import UNANSWERED, Item, items_for
from rlaif.feedback.pairs import reference_sample
from rlaif.feedback.questions import Question, QuestionSet
from rlaif.feedback.scoring import question_rates
from rlaif.feedback.static import Execute, StaticJudge
from rlaif.records import Answer, ApiRow, Example, FinishReason, Sample

CONF = Path(__file__).resolve().parents[2] / "conf"
PACKAGES = ("torch", "transformers", "tensorflow_hub")

RESNET = "torch.hub.load(repo_or_dir='pytorch/vision', model='resnet18', pretrained=True)"
DATABASE = [
    ApiRow(RESNET, "Classification", "PyTorch"),
    ApiRow(RESNET.replace("resnet18", "fcn_resnet50"), "Semantic Segmentation", "PyTorch"),
    ApiRow("torch.hub.load(repo_or_dir='a/b', 'c', model='d', pretrained=True)", "Classification", "PyTorch"),
    ApiRow("pipeline('fill-mask', model='bert-base')", "Fill-Mask", "Hugging Face"),
    ApiRow("AutoModel.from_pretrained('org/model')", "Feature Extraction", "Hugging Face"),
    ApiRow("hub.load('https://tfhub.dev/x/1')", "Text embedding", "TensorFlow Hub"),
    ApiRow("statistics.mean(data)", "Statistics", "Python"),
    ApiRow("array.array(typecode, initializer)", "Collections", "Python"),
]


def output(api_call: str | None, code: str | None) -> str:
    return render_completion(Completion("Classification", api_call, "PyTorch", "Because.", code))


def task(api_call: str, code: str, domain: str, instruction: str = "Do it.") -> Example:
    return Example("e1", instruction, output(api_call, code), api_call, domain, "PyTorch", "train")


VISION = task(RESNET, f"import torch\nmodel = {RESNET}", "Classification")
MEAN = task(
    "statistics.mean([3, 14])", "import statistics\nprint(statistics.mean([3, 14]))", "Statistics", "Mean of 3 and 14"
)


def ask(
    analysis: str, text: str, example: Example = VISION, database: Sequence[ApiRow] = DATABASE,
    finish_reason: FinishReason = "stop", execute: Execute | None = None,
) -> Answer:  # fmt: skip
    question = Question(analysis, "Is it?", 1.0, analysis)
    judge = StaticJudge(QuestionSet("one", 1, "", "", (question,)), database, PACKAGES, execute)
    (answer,) = judge.answer([Item(Sample("s1", example.id, text, "sft", 0, finish_reason), example, question)])
    return answer


def said(answer: Answer) -> tuple[float | None, str]:
    return answer.p_yes, answer.evidence or answer.invalid


@pytest.mark.parametrize(
    ("analysis", "code", "evidence"),
    [
        ("parses", "x = (1", "line 1: '(' was never closed"),
        ("names_defined", "x = foo\ny = bar", "line 1: name 'foo' is not defined; line 2: name 'bar' is not defined"),
        ("imports_exist", "import torch\nimport torchy", "line 2: no module 'torchy'"),
        ("imports_exist", "from statistics import mean, avg", "line 1: module 'statistics' has no 'avg'"),
        ("imports_exist", "import os.paths", "line 1: no module 'os.paths'"),
        ("imports_exist", "from . import x", "line 1: a relative import, and the program is no package"),
        ("runs", "import statistics\nstatistics.avg([1])", "line 2: module 'statistics' has no 'avg'"),
    ],
)
def test_no_with_its_evidence(analysis: str, code: str, evidence: str) -> None:
    assert said(ask(analysis, output("statistics.mean([1])", code))) == (0.0, evidence)


@pytest.mark.parametrize("analysis", ["parses", "names_defined", "imports_exist"])
@pytest.mark.parametrize(
    "code",
    [
        "from __future__ import annotations\nimport torch, os.path\nfrom xml.etree import ElementTree\nprint(torch)",
        "from transformers.models import anything\nimport concurrent.futures as c\nprint(c)",
    ],
)
def test_yes_for_code_in_order(analysis: str, code: str) -> None:
    assert ask(analysis, output(None, code)).p_yes == 1.0


@pytest.mark.parametrize("analysis", ["parses", "names_defined", "imports_exist", "arguments_fit", "code_agrees"])
def test_an_output_without_code_gets_no(analysis: str) -> None:
    assert said(ask(analysis, output(RESNET, None))) == (0.0, "the output has no code")


def test_importing_is_only_looking() -> None:
    """`this` prints a poem when it is imported, `antigravity` opens a browser."""
    assert ask("imports_exist", output(None, "import this, antigravity, json.tool.__main__")).p_yes == 1.0


@pytest.mark.parametrize(
    ("api_call", "known"),
    [
        (RESNET, 1.0),
        ("model = torch.hub.load('pytorch/vision', 'resnet18')", 1.0),
        ("hub.load('pytorch/vision', 'resnet18')", 1.0),  # the code has `from torch import hub`
        ("torch.hub.load('pytorch/vision', 'resnet99')", 0.0),
        ("torch.hub.fetch('pytorch/vision', 'resnet18')", 0.0),
        ("torch.hub.load('a/b', 'c', 'd')", 1.0),  # a row that does not parse
        ("pipeline('fill-mask', model='bert-base')", 1.0),
        ("transformers.pipeline(task='fill-mask', model='bert-base', top_k=3)", 1.0),
        ("AutoModel.from_pretrained('org/model')", 1.0),
        ("AutoModel.from_pretrained('org/other')", 0.0),
        ("hub.load('https://tfhub.dev/x/1')", 1.0),
        ("statistics.median([1])", 1.0),  # not in the database, but there
        ("statistics.average([1])", 0.0),
        ("load_the_model()", 0.0),
        ("please use resnet", 0.0),
    ],
)
def test_is_the_api_known(api_call: str, known: float) -> None:
    imports = "from torch import hub\n" if api_call.startswith("hub.load('pytorch") else ""
    assert ask("api_known", output(api_call, imports + "x = 1")).p_yes == known


def test_without_a_database_a_hub_call_is_undetermined() -> None:
    answer = ask("api_known", output(RESNET, "x = 1"), database=())
    assert said(answer) == (None, "there is no API database")


@pytest.mark.parametrize(
    ("call", "fits"),
    [
        ("torch.hub.load('pytorch/vision', 'resnet18', pretrained=True)", 1.0),
        ("torch.hub.load('pytorch/vision', model='resnet18', force_reload=False)", 1.0),
        ("torch.hub.load('pytorch/vision', 'resnet18', pretrained=False)", 0.0),
        ("torch.hub.load('pytorch/vision', 'resnet18', repo_or_dir='pytorch/vision')", 0.0),
        ("torch.hub.load('resnet18', 'pytorch/vision')", 0.0),
        ("torch.hub.load('pytorch/vision', 'resnet99')", 0.0),
        ("statistics.mean([1])", 1.0),
        ("statistics.mean(data=[1])", 1.0),
        ("statistics.mean()", 0.0),
        ("statistics.mean([1], [2])", 0.0),
        ("statistics.mean(numbers=[1])", 0.0),
        ("array.array('b', [1])", 1.0),  # a C function without a signature: the row's is taken
        ("array.array('b', [1], 2)", 0.0),
    ],
)
def test_do_the_arguments_fit(call: str, fits: float) -> None:
    module = call.partition(".")[0]
    assert ask("arguments_fit", output(call, f"import {module}\nx = {call}")).p_yes == fits


def test_the_code_s_own_call_has_to_fit_too() -> None:
    text = output("statistics.mean([1])", "import statistics as s\nprint(s.mean(1, 2, 3))")
    assert said(ask("arguments_fit", text)) == (0.0, "line 2: s.mean: too many positional arguments")


def test_a_signature_that_is_not_told_is_undetermined() -> None:
    answer = ask("arguments_fit", output("math.hypot(1, 2)", "import math\nmath.hypot(1, 2)"), database=())
    assert answer.p_yes in (None, 1.0)  # newer Pythons tell it
    assert answer.p_yes == 1.0 or "not known" in answer.invalid


def test_a_variable_named_like_a_module_is_no_module() -> None:
    code = "import statistics\nqueue = [1]\nqueue.remove(1)\nprint(statistics.mean(queue))"
    assert ask("api_known", output(None, code), MEAN).evidence == "the database has statistics.mean(data)"


@pytest.mark.parametrize(
    ("call", "fits"),
    [
        (RESNET, 1.0),
        (RESNET.replace("resnet18", "fcn_resnet50"), 0.0),
        (RESNET.replace("resnet18", "resnet99"), 0.0),
        ("statistics.mean([1])", 0.0),
    ],
)
def test_does_the_api_fit_the_task(call: str, fits: float) -> None:
    assert ask("api_fits_task", output(call, "x = 1")).p_yes == fits


def test_domains_that_differ_in_spelling_are_one() -> None:
    rows = [ApiRow("tts.load('x')", "Text-To-Speech", "p")]
    example = task("tts.say('y')", "x = 1", "text to speech")
    assert ask("api_fits_task", output("tts.load('x')", "x = 1"), example, rows).p_yes == 1.0


@pytest.mark.parametrize(
    ("api_call", "code", "evidence"),
    [
        ("statistics.mean([3, 14])", "import statistics as s\ndata = [3, 14]\nprint(s.mean(data))", ""),
        ("statistics.mean([3, 14])", "import statistics\nprint(statistics.median([3, 14]))", "does not call"),
        ("statistics.mean([3, 14])", "import statistics\nprint(statistics.mean([3, 41]))", "'14' is not in the code"),
        (None, "import statistics\nprint(statistics.mean([3, 14]))", "states no api_call"),
        ("mean", "import statistics\nprint(statistics.mean([3, 14]))", "holds no call"),
    ],
)
def test_does_the_code_agree(api_call: str | None, code: str, evidence: str) -> None:
    answer = ask("code_agrees", output(api_call, code), MEAN)
    assert answer.p_yes == float(not evidence)
    assert evidence in answer.evidence


def test_what_was_not_run_is_undetermined_and_never_a_yes() -> None:
    answer = ask("runs", MEAN.reference, MEAN)
    assert said(answer) == (None, "no error was found, and the code was not run")


def test_code_nested_too_deeply_is_undetermined() -> None:
    answer = ask("names_defined", output(None, "x = 1" + " + 1" * 5000))
    assert answer.p_yes in (None, 0.0)  # the parser of some versions gives up before


def test_an_unknown_analysis_is_refused() -> None:
    bad = QuestionSet("one", 1, "", "", (Question("q", "Is it?", 1.0, "taste"),))
    with pytest.raises(UserError, match="q names no analysis \\('taste'\\); one of parses"):
        StaticJudge(bad, DATABASE, PACKAGES)


def test_runs_asks_the_sandbox_in_a_batch(questions: QuestionSet) -> None:
    verdicts = {
        "x = 1": Verdict("pass", "", "", None, 0.1),
        "x = y": Verdict("fault", "name", "name 'y' is not defined", 1, 0.1),
        "x = 2": Verdict("inconclusive", "package_missing", "no timm here", None, 0.1),
        "x = 3": Verdict("inconclusive", "not_run", "stopped", None, 0.0),
    }
    batches: list[list[str | None]] = []

    def execute(codes: Sequence[str | None]) -> list[Verdict]:
        batches.append(list(codes))
        return [verdicts[code or ""] for code in codes]

    feedback = FeedbackConfig("static", JudgeKind.static, execute=True)
    judge = build_static(feedback, questions, DATABASE, execute)
    samples = [Sample(code, "e1", output(RESNET, code), "sft", 0, "stop") for code in verdicts]
    answers = list(judge.answer(items_for(samples, {"e1": VISION}, questions.questions)))
    ran = [answer for answer in answers if answer.question_id == "runs"]
    assert batches == [list(verdicts)]
    assert [said(answer) for answer in ran] == [
        (1.0, "it ran"),
        (0.0, "line 1: name: name 'y' is not defined"),
        (None, "package_missing: no timm here"),
        (None, "not_run: stopped"),
    ]
    assert [answer.source for answer in ran] == ["execution"] * 3 + [UNANSWERED]
    assert {answer.source for answer in answers if answer.question_id != "runs"} == {"analysis"}


def yes_rates(config: DataConfig, questions: QuestionSet, every: int) -> dict[str, float | None]:
    data = load_dataset(config)
    packages = OmegaConf.load(CONF / "feedback" / "static.yaml").static.packages
    judge = StaticJudge(questions, data.database, list(packages))
    examples = data.examples[::every]
    samples = [reference_sample(example) for example in examples]
    answers = judge.answer(items_for(samples, {one.id: one for one in examples}, questions.questions))
    return {rate.question_id: rate.mean_p_yes for rate in question_rates(list(answers))}


def test_no_reference_of_the_embedded_data_gets_a_no(questions: QuestionSet) -> None:
    rates = yes_rates(DataConfig(name="mini", source=DataSource.mini), questions, every=7)
    assert rates.pop("runs") is None
    assert rates == dict.fromkeys(rates, 1.0)
    assert len(rates) == 7


def test_references_of_torch_hub(
    questions: QuestionSet, apibench_dir: Path, record_property: Callable[[str, object], None]
) -> None:
    """Of 1,021 references: 0.5% do not parse, one more uses an undefined name, 8 name an API that the
    database lacks, and 5% give `model` both by position and by keyword, which is a TypeError."""
    config = DataConfig(name="torchhub", source=DataSource.apibench, hub="torchhub", dir=str(apibench_dir))
    rates = yes_rates(config, questions, every=1)
    record_property("share of yes", rates)
    assert rates["runs"] == 0.0  # only the ones that cannot run are determined
    shares = {key: round(value, 3) for key, value in rates.items() if key != "runs" and value is not None}
    assert shares == pytest.approx({
        "parses": 0.995,
        "names_defined": 0.994,
        "imports_exist": 0.995,
        "api_known": 0.992,
        "arguments_fit": 0.944,
        "api_fits_task": 0.991,
        "code_agrees": 0.992,
    }, abs=0.003)  # fmt: skip


@pytest.mark.parametrize("analysis", ["parses", "runs"])
def test_code_that_was_cut_off_is_not_believed_complete(analysis: str) -> None:
    """It parses and runs as far as it goes; what follows a closed fence is no code."""

    def passes(snippets: Sequence[str | None]) -> list[Verdict]:
        return [Verdict("pass", "", "", None, 0.1) for _ in snippets]

    cut, fenced = output(None, "x = 1\nprint(x)"), "```python\nx = 1\n```\nThis prin"
    assert ask(analysis, cut, execute=passes).p_yes == 1
    answer = ask(analysis, cut, execute=passes, finish_reason="length")
    assert answer.p_yes == 0 and "cut off at its length limit" in answer.evidence
    assert ask(analysis, fenced, execute=passes, finish_reason="length").p_yes == 1
