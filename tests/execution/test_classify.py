"""Reports that need a library to come about, written out: what they come to."""

from __future__ import annotations

from typing import Any

import pytest

from rlaif.execution.classify import classify
from rlaif.execution.worker import Outcome

TENSORFLOW = ["NotFoundError", "OpError", "Exception", "BaseException", "object"]


def report(**changes: Any) -> dict[str, Any]:
    plain = {
        "passed": False, "stage": "run", "types": ["Exception"], "message": "", "errno": None, "line": 1,
        "raised_in": "library", "missing_module": None, "functions": [], "hub": None, "causes": [],
    }  # fmt: skip
    return {**plain, **changes}


CASES = {
    "tensorflow_file": (report(types=TENSORFLOW, message="dog.jpg; No such file or directory [Op:ReadFile]"),
                        ("inconclusive", "resource")),
    "tensorflow_node": (report(types=TENSORFLOW, message="No registered 'Dream' OpKernel"), ("fault", "runtime")),
    "another_not_found": (report(types=["NotFoundError", "Exception"], message="x: No such file or directory"),
                          ("fault", "runtime")),
    "unloaded_operator": (report(types=["AttributeError", "Exception"],
                                 message="'_OpNamespace' 'image' object has no attribute 'read_file'"),
                          ("inconclusive", "environment")),
    "own_operator": (report(types=["AttributeError", "Exception"], raised_in="snippet",
                            message="'_OpNamespace' 'image' object has no attribute 'read_file'"),
                     ("fault", "attribute")),
    "asks_the_hub": (report(types=["RuntimeError", "Exception"],
                            message="You cannot infer task automatically within `pipeline` when using offline mode"),
                     ("inconclusive", "resource")),
    "files_not_written": (report(stage="files", types=["OSError"], message="disk full"), ("inconclusive", "isolation")),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_report(name: str) -> None:
    given, expected = CASES[name]
    verdict = classify(Outcome(report=given, exit_code=0), {})
    assert (verdict.status, verdict.kind) == expected, verdict
