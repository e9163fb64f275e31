"""What a snippet's error says, whatever it says, is a text that terminals, pages and files can take."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rlaif.config import ExecutionConfig, Isolation
from rlaif.execution import Executor, Verdict
from rlaif.execution.cache import VerdictCache
from rlaif.execution.classify import classify
from rlaif.execution.static_level import StaticCheck
from rlaif.execution.worker import Outcome
from rlaif.feedback.analysis import Finding
from rlaif.feedback.static import finding_of
from rlaif.metrics.evaluate import evaluate_texts
from rlaif.records import Evaluation, Example, Sample, from_json, to_json
from rlaif.report.samples import describe

Run = Callable[[str], Verdict]

MESSAGES = {
    "half_a_surrogate": ("raise ValueError('a\\ud800b')", "ValueError: a\ufffdb"),
    "the_other_half": ("raise ValueError('\\udfff')", "ValueError: \ufffd"),
    "a_pair": ("raise ValueError('\\ud83d\\udc4d')", "ValueError: 👍"),
    "escape_sequences": ("raise ValueError('\\x1b[2J\\x1b[31mred')", "ValueError: \\x1b[2J\\x1b[31mred"),
    "controls": ("raise ValueError('a\\0\\a\\b\\x7f\\x9b')", "ValueError: a\\x00\\x07\\x08\\x7f\\x9b"),
    "lines": ("raise ValueError('a\\r\\nb\\u2028c\\x85d\\x1ce')", "ValueError: a b c d e"),
    "direction": ("raise ValueError('\\u202egnp.exe')", "ValueError: \\u202egnp.exe"),
    "scripts": ("raise ValueError('日本語 می\\u200cخواهم')", "ValueError: 日本語 می\u200cخواهم"),
    "type_name": ("raise type('E\\x1b[31m\\n', (ValueError,), {})('x')", "E\\x1b[31m : x"),
    "file_name": ("open('a\\x1b\\udc80.txt')",
                  "FileNotFoundError: [Errno 2] No such file or directory: 'a\\x1b\\udc80.txt'"),
    "key": ("{}['\\ud800']", "KeyError: '\\ud800'"),
    "name": ("getattr(1, '\\ud800')", "AttributeError: 'int' object has no attribute '\ufffd'"),
    "exit": ("import sys\nsys.exit('\\x1b\\ud800')", "ended itself: sys.exit(\\x1b\ufffd)"),
    "exit_early": ("import sys\nsys.exit('\\x1b\\ud800')\nx = 1", "ended itself: sys.exit(\\x1b\ufffd)"),
    "subclass_of_str": ("class S(str):\n    def __str__(self): return self\nraise ValueError(S('\\x1b'))",
                        "ValueError: \\x1b"),
    "nothing": ("raise ValueError", "ValueError:"),
    "number": ("raise ValueError(10 ** 5000)", "ValueError:"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(MESSAGES))
def test_message(run: Run, name: str) -> None:
    code, message = MESSAGES[name]
    verdict = run(code)
    assert verdict.message == message
    json.dumps(verdict.message, ensure_ascii=False).encode()


@pytest.mark.parametrize("name", list(MESSAGES))
def test_evidence_of_a_label(run: Run, name: str) -> None:
    verdict = run(MESSAGES[name][0])
    evidence = finding_of(verdict).evidence
    assert evidence.isprintable() or "\u200c" in evidence
    evidence.encode()


def test_an_evaluation_is_written(executor: Executor) -> None:
    code = "import json\njson.loads('1')\nraise ValueError('\\ud800\\x1b[2J')"
    example = Example("e", "load it", f"<<<code>>>: {code}", "json.loads('1')", "json", "json", "test")
    sample = Sample("s", "e", f"<<<api_call>>>: json.loads('1')\n<<<code>>>: {code}", "sft", 0, "stop")
    (evaluation,) = evaluate_texts([sample], {"e": example}, [], executor.run)
    assert evaluation.message == "ValueError: \ufffd\\x1b[2J"
    assert from_json(Evaluation, to_json(evaluation).encode().decode()) == evaluation
    assert "\x1b" not in describe(evaluation)


def test_names_in_a_traceback(run: Run) -> None:
    """Functions, files and modules that are called what they like."""
    code = (
        "class S(str):\n    startswith = __eq__ = __format__ = lambda *ignored: 1 / 0\n    __hash__ = str.__hash__\n"
        "def f(): {}['x']\n"
        "f.__code__ = f.__code__.replace(co_name='f\\x1b\\ud800', co_filename='\\x1b\\ud800')\n"
        "exec(f.__code__, {'__name__': S('\\ud800')})"
    )
    verdict = run(code)
    assert (verdict.status, verdict.kind, verdict.message) == ("fault", "key", "KeyError: 'x'")


def test_what_was_found_out_otherwise_is_clean_too() -> None:
    assert classify(Outcome(failure="\x1b[1mgone\ud800\n"), {}).message == "the sandbox failed: \\x1b[1mgone\ufffd"
    assert Finding(False, "the database has no f('\x1b\ud800')").evidence == "the database has no f('\\x1b\ufffd')"
    code = "import transformers\ntransformers.pipeline('\\ud800\\x1b')"
    for verdict in StaticCheck().run([code, "x = '\ud800'"]):
        verdict.message.encode()
        assert verdict.message.isprintable()


def test_a_line_beyond_all_lines_is_none() -> None:
    report = {"stage": "run", "types": ["ValueError"], "message": "", "errno": None, "line": 10**400, "raised_in": "",
              "missing_module": None, "functions": [], "hub": None, "causes": [], "passed": False}  # fmt: skip
    assert classify(Outcome(report=report, exit_code=0), {}).line is None


def test_a_kept_verdict_is_clean_too(tmp_path: Path) -> None:
    """Of a file that an earlier version wrote."""
    cache = VerdictCache(tmp_path, "here")
    cache.add("a", Verdict("fault", "value", "x", 1, 0.1))
    path = tmp_path / "verdicts.jsonl"
    path.write_text(path.read_text().replace('"x"', '"\\ud800\\u001b[31m"'))
    again = VerdictCache(tmp_path, "here")
    again.refresh()
    verdict = again.get("a")
    assert verdict is not None
    assert verdict.message == "\ufffd\\x1b[31m"


def test_verdicts_of_other_code_of_this_room_are_not_served(
    make_config: Callable[..., ExecutionConfig],
    some_isolation: Isolation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What has become a pass, or has stopped being one, is run anew."""
    code = "import sys\nsys.exit(0)"
    with Executor(make_config(some_isolation), tmp_path / "cache", tmp_path / "assets") as executor:
        verdict = executor.run([code])[0]
    line = json.loads((tmp_path / "cache" / "verdicts.jsonl").read_text())
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read_bytes(path) + b"# as it was" * (path.name == "sealed.py"))
    with Executor(make_config(some_isolation), tmp_path / "cache", tmp_path / "assets") as executor:
        assert executor.run([code])[0].status == verdict.status == "pass"
    lines = [json.loads(one) for one in (tmp_path / "cache" / "verdicts.jsonl").read_text().splitlines()]
    assert [one["key"] == line["key"] for one in lines] == [True, False]
