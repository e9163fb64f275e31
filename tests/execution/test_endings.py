"""Programs that end themselves: as they should at their own end, and elsewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rlaif.execution import Verdict

Run = Callable[[str], Verdict]

TESTS = "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(1, {})\n"
RIGHT, WRONG = TESTS.format(1), TESTS.format(2)
GUARD = "if __name__ == '__main__':\n    "

SUCCEEDS = {
    "zero": "import sys\nsys.exit(0)",
    "nothing": "import sys\nsys.exit()",
    "none": "import sys\nsys.exit(None)",
    "false": "import sys\nsys.exit(False)",
    "raised": "raise SystemExit",
    "raised_with_zero": "print('x')\nraise SystemExit(0)",
    "exit": "print('x')\nexit()",
    "exit_zero": "exit(0)",
    "quit": "print('x')\nquit()",
    "of_main": "import sys\ndef main():\n    return 0\nsys.exit(main())",
    "guarded": f"import sys\ndef main():\n    return None\n{GUARD}sys.exit(main())",
    "within_main": f"import sys\ndef main():\n    print('x')\n    sys.exit(0)\n{GUARD}main()",
    "its_only_statement": "if True:\n    import sys\n    sys.exit(0)",
    "a_subclass": "class Done(SystemExit): pass\nraise Done(0)",
    "before_what_does_nothing": "import sys\nsys.exit(0)\npass\n'''the end'''\n",
    "in_a_loop": "import sys\nfor n in range(3):\n    if n == 1: sys.exit(0)",
    "after_an_error_that_it_handled": "import sys\ntry:\n    next(iter([]))\nexcept StopIteration:\n    sys.exit(0)",
    "from_a_finally_without_an_error": "import sys\ntry:\n    x = 1\nfinally:\n    sys.exit(0)",
    "with_future": "from __future__ import annotations\nimport sys\ndef f(x: Nowhere): return 0\nsys.exit(f(1))",
    "future_of_the_last": "from __future__ import annotations\nx = 1\ndef f(x: Nowhere): return 0",
    "with_a_thread": "import sys, threading\nthreading.Thread(target=print).start()\nsys.exit(0)",
    "from_a_thread": "import sys, threading\nthreading.Thread(target=sys.exit, args=(3,)).start()",
    "from_asyncio": "import asyncio, sys\nasync def main():\n    sys.exit(0)\nasyncio.run(main())",
    "arguments": "import argparse, sys\nargparse.ArgumentParser().parse_args(['--help'])",
    "unittest": RIGHT + "unittest.main()",
    "unittest_guarded": RIGHT + GUARD + "unittest.main()",
    "unittest_with_arguments": RIGHT + GUARD + "unittest.main(argv=['x', '-v'])",
    "unittest_that_goes_on": RIGHT + "unittest.main(exit=False)\nprint('x')",
    "doctest": "import doctest, sys\nsys.exit(doctest.testmod().failed)",
}
FAILS = {
    "one": "import sys\nsys.exit(1)",
    "true": "import sys\nsys.exit(True)",
    "message": "import sys\nsys.exit('wrong')",
    "empty_message": "import sys\nsys.exit('')",
    "float": "import sys\nsys.exit(0.0)",
    "of_main": "import sys\ndef main():\n    return 2\nsys.exit(main())",
    "unittest": WRONG + "unittest.main()",
    "unittest_guarded": WRONG + GUARD + "unittest.main()",
    "arguments": "import argparse\nargparse.ArgumentParser().parse_args(['--nowhere'])",
    "a_subclass_that_lies": "class Done(SystemExit):\n    code = 0\nraise Done(1)",
}
TOO_EARLY = {
    "zero": "import sys\nsys.exit(0)\nassert 1 == 2",
    "within_a_function": "import sys\ndef f(): sys.exit(0)\nf()\nassert 1 == 2",
    "unittest": RIGHT + "unittest.main()\nassert 1 == 2",
    "quit": "quit()\nassert 1 == 2",
    "conditional": "if True:\n    raise SystemExit\nassert 1 == 2",
    "in_place_of_an_error": "import sys\ntry:\n    1 / 0\nfinally:\n    sys.exit(0)",
    "in_place_of_an_error_below": "import sys\ndef f():\n    try: 1 / 0\n    finally: sys.exit(0)\nf()",
    "by_the_system_call": "import os\nos._exit(0)",
    "by_the_system_call_in_a_thread": "import os, threading\nthreading.Thread(target=os._exit, args=(0,)).start()\n"
                                      "import time\ntime.sleep(1)",
}  # fmt: skip


@pytest.mark.parametrize("name", list(SUCCEEDS))
def test_a_success_at_its_own_end_is_a_pass(run: Run, name: str, tmp_path: Path) -> None:
    verdict = run(SUCCEEDS[name])
    assert verdict.status == "pass", verdict
    assert status_of(SUCCEEDS[name], tmp_path) == 0


@pytest.mark.parametrize("name", list(FAILS))
def test_a_failure_at_its_own_end_is_a_fault(run: Run, name: str, tmp_path: Path) -> None:
    verdict = run(FAILS[name])
    assert (verdict.status, verdict.kind) == ("fault", "exit"), verdict
    if name != "a_subclass_that_lies":
        assert status_of(FAILS[name], tmp_path) != 0


@pytest.mark.parametrize("name", list(TOO_EARLY))
def test_an_end_before_its_own_is_a_fault(run: Run, name: str) -> None:
    verdict = run(TOO_EARLY[name])
    assert (verdict.status, verdict.kind) == ("fault", "exit"), verdict


def status_of(code: str, directory: Path) -> int:
    """What the interpreter makes of it."""
    path = directory / "program.py"
    path.write_text(code)
    return subprocess.run([sys.executable, path], check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode


def test_a_timer_that_goes_on_is_in_nobodys_way(run: Run) -> None:
    """Its signals come at any time, also while the server looks where the program has ended."""
    timer = "import signal\nsignal.signal(signal.SIGALRM, lambda *ignored: None)\n"
    timer += "signal.setitimer(signal.ITIMER_REAL, 2e-5, 2e-5)\n"
    assert {run(f"{timer}x = {number}").status for number in range(40)} == {"pass"}


def test_how_it_says_so(run: Run) -> None:
    assert run("import sys\nsys.exit(2)").message == "ended itself: sys.exit(2)"
    assert run("import sys\nsys.exit()\nx = 1").message.startswith("ended itself before its end")


def test_what_is_wrong_as_a_whole_stays_wrong(run: Run) -> None:
    """Though a program is compiled in two parts."""
    for code in ("x = 1\nglobal x", "x = 1\nfrom __future__ import annotations", "return 1", "x = 1\nreturn 1",
                 "x = 1\nawait x", "if 1:\n  x = 1\n    y = 2"):  # fmt: skip
        assert run(code).kind == "syntax", code


def test_both_parts_are_one_module(run: Run) -> None:
    code = "'''Text.'''\nx: int = 1\ndef f(): return x\nassert __doc__ and __annotations__ and f() == 1"
    assert run(code).status == "pass"
    assert run("x = 1\nimport inspect\ndef f(): pass\nassert inspect.getsource(f)[:6] == 'def f('").status == "pass"
    assert run("x = 1\ny = 2\n1 / 0").line == 3
