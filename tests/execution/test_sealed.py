"""A snippet that fails, and works on what beneath it says whether it has passed: it stays a failure.

Each example is a program's beginning, to which a failing end is added; each is known to do what it sets out to do
by the first test below, where the same is done without a failure.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import rlaif.execution.inside
from rlaif.config import Isolation
from rlaif.execution import Verdict
from rlaif.execution.classify import classify
from rlaif.execution.isolation import Contents, Limits, make_worker
from rlaif.execution.worker import Launch, Worker

Run = Callable[[str], Verdict]

ANNOUNCE = (
    "import os, signal, sys\n"
    "def announce(*ignored, **also):\n"
    "    os.write(3, b'+')\n"
    "    os.kill(os.getpid(), signal.SIGSTOP)\n"
)
BENEATH = "import sys\nframes = []\nframe = sys._getframe()\nwhile frame := frame.f_back: frames.append(frame)\n"

MEDDLING = {
    "announces": ANNOUNCE + "announce()\n",
    "announces_in_a_thread": ANNOUNCE + (
        "import threading, time\nthreading.Thread(target=announce).start()\ntime.sleep(0.3)\n"
    ),
    "announces_when_described": ANNOUNCE + "class E(Exception): __str__ = announce\nraise E\n",
    "announces_when_written": ANNOUNCE + "import json\njson.dumps = json.JSONEncoder.encode = announce\n",
    "announces_at_an_import": ANNOUNCE + "import builtins\nbuiltins.__import__ = announce\n",
    "announces_when_audited": ANNOUNCE + (
        "import gc\nclass D:\n    __del__ = announce\nclass E(Exception): pass\nerror = E()\nerror.d = D()\n"
        "gc.collect()\nerror = [error]\nraise error.pop()\n"
    ),
    "announces_at_every_depth": ANNOUNCE + (
        "from functools import partial\n"
        "class E(Exception):\n"
        "    def __str__(self):\n"
        "        run = announce\n"
        "        for layer in range(40): run = partial(max, [0], key=run) if layer % 2 else partial(run)\n"
        "        return run() and ''\n"
        "raise E\n"
    ),
    "traces_beneath": BENEATH + (
        "def trace(frame, event, argument):\n"
        "    frame.f_trace, frame.f_trace_opcodes = trace, True\n"
        "    if frame in frames:\n"
        "        try: frame.f_lineno += 2\n"
        "        except ValueError: pass\n"
        "    return trace\n"
        "for frame in frames: frame.f_trace, frame.f_trace_opcodes = trace, True\n"
        "sys.settrace(trace)\nsys.setprofile(trace)\n"
    ),
    "moves_what_runs_beneath": BENEATH + (
        "def trace(frame, event, argument):\n"
        "    for other in frames[:4]:\n"
        "        other.f_trace = trace\n"
        "        for line in range(other.f_lineno, other.f_lineno + 9):\n"
        "            try: other.f_lineno = line\n"
        "            except ValueError: pass\n"
        "    return trace\n"
        "sys.settrace(trace)\n"
        "def f():\n    pass\nf()\n"
    ),
    "replaces_code_beneath": BENEATH + (
        "import gc\ngc.unfreeze()\nfiles = {frame.f_code.co_filename for frame in frames[:4]}\n"
        "for function in gc.get_objects():\n"
        "    if type(function) is type(lambda: 0) and function.__code__.co_filename in files:\n"
        "        try: function.__code__ = (lambda *a, **k: None).__code__\n"
        "        except ValueError: pass\n"
    ),
    "replaces_functions_beneath": BENEATH + (
        "for frame in frames[:-2]:\n"
        "    for name, value in list(frame.f_globals.items()):\n"
        "        if callable(value): frame.f_globals[name] = lambda *a, **k: None\n"
    ),
    "replaces_variables_beneath": BENEATH + (
        "for frame in frames:\n"
        "    for name in frame.f_locals: frame.f_locals[name] = lambda *a, **k: None\n"
    ),
    "replaces_builtins": (
        "import builtins\n"
        "for name in ('BaseException', 'Exception', 'SystemExit', 'str', 'type', 'issubclass', 'print'):\n"
        "    setattr(builtins, name, lambda *a, **k: None)\n"
    ),
    "changes_what_is_called": (
        "import functools, gc\ngc.unfreeze()\n"
        "for one in gc.get_objects():\n"
        "    if type(one) is functools.partial: one.__setstate__((print, (), {}, {}))\n"
    ),
    "a_timer_that_raises": (
        "import signal\ndef raise_it(*ignored): raise SystemExit(0)\n"
        "signal.signal(signal.SIGALRM, raise_it)\nsignal.setitimer(signal.ITIMER_REAL, 2e-4, 1e-5)\n"
    ),
    "exit_status_by_a_number_that_lies": (
        "import sys\nclass N(int):\n    __and__ = __eq__ = __bool__ = lambda *ignored: False\nsys.exit(N(1))\n"
    ),
    "exit_whose_class_lies": "class E(SystemExit):\n    code = property(lambda self: 0)\nraise E(1)\n",
    "exit_with_another_traceback": (
        "import sys, types\n"
        "try: sys.exit(0)\n"
        "except SystemExit as error:\n"
        "    error.__traceback__ = types.TracebackType(None, sys._getframe(), 400, 7)\n"
        "    raise\n"
    ),
}  # fmt: skip
FAILING_END = "if True:\n    raise ValueError('the end')\n"


@pytest.mark.parametrize("name", list(MEDDLING))
def test_a_failure_stays_one(run: Run, name: str) -> None:
    verdict = run(MEDDLING[name] + FAILING_END)
    assert verdict.status == "fault", verdict
    assert run("x = 'after'").status == "pass"


HARMLESS = [name for name in MEDDLING if name.startswith(("traces", "moves", "replaces", "changes"))]


@pytest.mark.parametrize("name", HARMLESS)
def test_without_a_failure_it_passes(run: Run, name: str) -> None:
    """So that what makes the test above hold is not that the meddling itself fails."""
    assert run(MEDDLING[name]).status == "pass"


@pytest.mark.parametrize("name", ["replaces_code_beneath", "replaces_functions_beneath", "changes_what_is_called"])
@pytest.mark.parametrize("end", ["import sys\nsys.exit(1)", "import os\nos._exit(0)", "import sys\nsys.exit(0)\nx = 1"])
def test_an_end_of_its_own_stays_one(run: Run, name: str, end: str) -> None:
    assert run(MEDDLING[name] + end).status == "fault"


@pytest.fixture(params=[True, False], ids=["witness", "no_witness"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Worker]:
    """One whose kernel tells where a child stands, and one whose kernel does not."""
    worker = make_worker(Isolation.none, Contents(), Limits(3.0, 256))
    launch = worker._launch
    blind = "" if request.param else "witness.find_place = lambda child: None; "
    program = f"from inside import server, witness; {blind}server.main()"
    command = (sys.executable, "-P", "-s", "-S", "-c", program, launch.command[-1])
    worker._launch = Launch(command, launch.environment, launch.workspace)
    yield worker
    worker.close()


ENDS = {
    "x = 1": "pass",
    "import sys\nsys.exit(0)": "pass",
    "import sys\nsys.exit(0)\nx = 1": "fault",
    "1 / 0": "fault",
    ANNOUNCE + "announce()": "fault",
    "import os\nos.write(3, b'+')\nos._exit(0)": "fault",
    "import os\nos.write(3, b'+')": "fault",
    "import os\nif os.fork() == 0: 1 / 0\nos.wait()": "pass",
    "import os\nif os.fork() == 0: x = 1\nelse: os.wait()": "pass",
    "import os\nchild = os.fork()\nif child == 0: x = 1\nelse:\n    os.wait()\n    1 / 0": "fault",
}  # fmt: skip


def test_with_and_without_a_witness(server: Worker) -> None:
    for code, status in ENDS.items():
        outcome = server.run(code)
        assert classify(outcome, {}).status == status, (code, outcome)


def test_no_frame_beneath_a_snippet_holds_a_secret(run: Run) -> None:
    """What it could write to pass for passed: the announcement is known to all, and worth nothing alone."""
    source = (Path(rlaif.execution.inside.__file__).parent / "server.py").read_text()
    assert "secrets.token_bytes" in source  # where there is no witness
    code = BENEATH + (
        "held = [value for frame in frames for value in frame.f_locals.values()]\n"
        "tokens = {value.token for value in held if type(value).__name__ == 'Announcement'}\n"
        "assert tokens == {b'+'}, tokens\n"
    )
    assert run(code).status == "pass"
