"""What a snippet does, and the verdict that it gets, in every isolation that works here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rlaif.execution import Verdict

Run = Callable[[str], Verdict]

CASES = {
    "arithmetic": ("x = 1 + 1", "pass", ""),
    "function": ("def f(n):\n    return n * 2\nassert f(2) == 4", "pass", ""),
    "main_guard": ("if __name__ == '__main__':\n    print('hello')", "pass", ""),
    "own_file": ("open('a.txt', 'w').write('x')\nassert open('a.txt').read() == 'x'", "pass", ""),
    "temporary_file": ("import tempfile\nwith tempfile.TemporaryFile() as f: f.write(b'x')", "pass", ""),
    "copied_file": ("import shutil\nopen('a', 'w').close()\nshutil.copy2('a', 'b')", "pass", ""),
    "own_module": ("open('mine.py', 'w').write('x = 3')\nimport mine\nassert mine.x == 3", "pass", ""),
    "own_source": ("import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\nP(1)", "pass", ""),
    "event_loop": ("import asyncio\nasync def f():\n    return 1\nassert asyncio.run(f()) == 1", "pass", ""),
    "thread": ("import threading\nt = threading.Thread(target=print)\nt.start()", "pass", ""),
    "abandoned_thread": ("import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()",
                         "fault", "timeout"),
    "warning": ("import warnings\nwarnings.warn('old')", "pass", ""),
    "syntax": ("x = = 1", "fault", "syntax"),
    "magic": ("!pip install torch", "fault", "syntax"),
    "null_byte": ("x = '\0'", "fault", "syntax"),
    "nesting": ("(" * 500 + ")" * 500, "fault", "syntax"),
    "surrogate": ("x = '\ud800'", "fault", "syntax"),
    "name": ("print(undefined)", "fault", "name"),
    "invented_module": ("import surely_invented", "fault", "import"),
    "invented_submodule": ("import json.invented", "fault", "import"),
    "invented_member": ("from json import invented", "fault", "api_absent"),
    "invented_function": ("import json\njson.invent()", "fault", "api_absent"),
    "real_package": ("import torchvision.transforms", "inconclusive", "package_missing"),
    "attribute": ("'a'.invented()", "fault", "attribute"),
    "type": ("len(3)", "fault", "type"),
    "value": ("int('x')", "fault", "value"),
    "key": ("{}['x']", "fault", "key"),
    "index": ("[][0]", "fault", "index"),
    "assertion": ("assert False", "fault", "runtime"),
    "division": ("1 / 0", "fault", "runtime"),
    "recursion": ("def f(): f()\nf()", "fault", "runtime"),
    "bad_descriptor": ("import io\nn = 999\nio.FileIO(n)", "fault", "os"),
    "while_handling": ("try:\n    open('nowhere')\nexcept OSError:\n    print(undefined)", "fault", "name"),
    "missing_file": ("open('dog.jpg')", "inconclusive", "resource"),
    "wrapped_missing_file": ("try:\n    open('dog.jpg')\nexcept OSError as e:\n    raise RuntimeError('no') from e",
                             "inconclusive", "resource"),
    "asks_a_person": ("input('name? ')", "inconclusive", "resource"),
    "download": ("import urllib.request\nurllib.request.urlopen('https://example.com')", "inconclusive", "resource"),
    "memory": ("x = bytearray(1 << 34)", "inconclusive", "memory"),
    "process": ("import subprocess\nsubprocess.run(['ls'])", "inconclusive", "isolation"),
    "exit_early": ("import sys\nsys.exit(0)\nprint()", "fault", "exit"),
    "exit_one": ("import sys\nsys.exit(1)", "fault", "exit"),
    "abort": ("import os\nos.abort()", "fault", "crash"),
    "blank": ("  \n", "fault", "no_code"),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("abandoned_thread", "nesting")])
def test_verdict(run: Run, name: str) -> None:
    code, status, kind = CASES[name]
    verdict = run(code)
    assert (verdict.status, verdict.kind) == (status, kind), verdict
    assert "\n" not in verdict.message
    assert len(verdict.message) <= 200
    assert bool(verdict.message) == (status != "pass")


@pytest.mark.parametrize("name", ["abandoned_thread", "nesting"])
def test_verdict_of_what_the_interpreter_gives_up(run: Run, name: str) -> None:
    code, status, kind = CASES[name]
    verdict = run(code)
    assert (verdict.status, verdict.kind) == (status, kind), verdict


def test_line_is_the_snippets_own(run: Run) -> None:
    verdict = run("import json\n\ndef read():\n    return json.loads('{')\n\nread()")
    assert (verdict.kind, verdict.line) == ("value", 4)
    assert run("x = 1\ny = (\n").line == 2


def test_message_is_one_line_and_short(run: Run) -> None:
    verdict = run("raise ValueError('a\\nb ' + 'x' * 10000)")
    assert verdict.message.startswith("ValueError: a b xxx")
    assert len(verdict.message) == 200


PLACES = {
    "own_statement": ("1 / 0", "snippet"),
    "own_function": ("def f(): return {}['x']\nf()", "snippet"),
    "own_module": ("open('mine.py', 'w').write('def f(): 1 / 0')\nimport mine\nmine.f()", "snippet"),
    "own_callback": ("import functools\nfunctools.cached_property(lambda o: 1 / 0).func(1)", "snippet"),
    "called_back_by_a_library": ("import json\njson.dumps(object(), default=lambda o: 1 / 0)", "snippet"),
    "missing_module": ("import importlib\nimportlib.import_module('surely_invented')", "snippet"),
    "missing_member": ("from json import invented", "snippet"),
    "standard_library": ("import json\njson.loads('{')", "stdlib"),
    "lazy_attribute": ("import concurrent.futures\nconcurrent.futures.invented", "snippet"),
    "a_class_with_another_traceback": ("class E(Exception):\n    __traceback__ = None\nraise E", "snippet"),
    "a_false_module_name": ("__name__ = 'torch.hub'\ndef _get_cache_or_reload(github): 1 / 0\n"
                            "_get_cache_or_reload('no/where')", "snippet"),
    "passes": ("x = 1", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", list(PLACES))
def test_where_it_was_raised(run: Run, name: str) -> None:
    code, place = PLACES[name]
    verdict = run(code)
    assert verdict.raised_in == place, verdict
    assert verdict.status in ("pass", "fault")


LIES = {
    "str": "def __str__(self): raise SystemExit(0)",
    "long_str": "def __str__(self): return 'x' * (1 << 24)",
    "str_subclass": "def __str__(self):\n        return type('S', (str,), {'__getitem__': lambda s, i: 1 / 0})('x')",
    "class": "__class__ = property(lambda self: SystemExit)",
    "errno": "errno = property(lambda self: 1 / 0)",
    "number": "errno = 10 ** 400",
    "cause": "__cause__ = property(lambda self: 1 / 0)",
    "arguments": "args = property(lambda self: 1 / 0)",
    "getattribute": "def __getattribute__(self, name): raise SystemExit(0)",
}


@pytest.mark.parametrize("name", list(LIES))
def test_exception_whose_class_lies(run: Run, name: str) -> None:
    verdict = run(f"class E(Exception):\n    {LIES[name]}\nraise E('x')")
    assert (verdict.status, verdict.kind, verdict.raised_in) == ("fault", "runtime", "snippet"), verdict
    assert verdict.line is not None


def test_metaclass_that_lies(run: Run) -> None:
    code = (
        "class M(type):\n    __name__ = property(lambda c: 'MemoryError')\n    __mro__ = (MemoryError,)\n"
        "class E(ValueError, metaclass=M): pass\nraise E('x')"
    )
    assert (run(code).status, run(code).kind) == ("fault", "value")


def test_snippets_do_not_see_each_other(run: Run) -> None:
    assert run("open('left.txt', 'w').write('x')\nimport json\njson.loads = None").status == "pass"
    assert run("import os, json\nassert os.listdir('.') == ['snippet.py']\nassert json.loads").status == "pass"


def test_seconds_are_measured(run: Run) -> None:
    assert 0.3 <= run("import time\ntime.sleep(0.3)").seconds < 1.5
