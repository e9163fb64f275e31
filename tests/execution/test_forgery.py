"""What is held to be a forgery, on real code: it has to be worth a fault."""

from __future__ import annotations

import ast
import doctest
import json
import random
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlaif.config import ExecutionConfig, Isolation
from rlaif.data.apibench import split_record
from rlaif.data.completion import parse_completion
from rlaif.execution import Executor, Verdict
from rlaif.execution.inside.forgery import find_forgery, may_forge


def flagged(codes: list[str]) -> tuple[int, list[tuple[str, str]]]:
    """(how many of the snippets parse, what is flagged and the snippet)."""
    num, found = 0, []
    for code in codes:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        num += 1
        forgery = find_forgery(tree)
        if forgery is not None:
            found.append((forgery[0], code))
    return num, found


def test_no_reference_and_no_recorded_answer_is_flagged(apibench_dir: Path) -> None:
    texts = []
    for path in sorted((apibench_dir / "apibench").glob("*.json")):
        texts += [split_record(json.loads(line)["code"])[1] for line in path.read_text().splitlines()]
    num_references = len(texts)
    for path in sorted((apibench_dir / "responses").glob("*.jsonl")):
        texts += [json.loads(line)["text"] for line in path.read_text().splitlines()]
    for path in sorted((apibench_dir / "api").glob("*.jsonl")):
        rows = [json.loads(line).get("example_code") for line in path.read_text().splitlines()]
        texts += [row for row in rows if isinstance(row, str)]
    codes = [code for text in texts if (code := parse_completion(text).code)]
    num, found = flagged(codes)
    print(f"{num_references} references, {len(texts)} texts, {len(codes)} with code, {num} parse: {len(found)} flagged")
    assert num > 4000
    assert not found, found[:3]


def docstrings_of_the_standard_library() -> Iterator[tuple[str, str]]:
    """(module, docstring), without those of its own tests."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if {"site-packages", "dist-packages", "lib2to3", "test", "tests", "idlelib"} & set(parts):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield ".".join(parts).removesuffix(".__init__"), ast.get_docstring(node, clean=False) or ""


def programs_of_doctests(docstrings: Iterator[tuple[str, str]]) -> Iterator[str]:
    """Each example as a program, with its module's names, after those of its docstring that come before it."""
    parser = doctest.DocTestParser()
    for module, text in docstrings:
        program = f"from {module} import *\n"
        for example in parser.get_examples(text):
            program += example.source
            yield program


def test_no_example_of_the_standard_librarys_docstrings_is_flagged(
    make_config: Callable[..., ExecutionConfig], some_isolation: Isolation, tmp_path: Path
) -> None:
    """500 of them, looked at and run."""
    programs = sorted(programs_of_doctests(docstrings_of_the_standard_library()))
    drawn = random.Random(20240601).sample(programs, 500)
    num, found = flagged(drawn)
    with Executor(make_config(some_isolation), tmp_path / "cache", tmp_path / "assets") as executor:
        verdicts = executor.run(drawn)
    accused = [(code, verdict) for code, verdict in zip(drawn, verdicts, strict=True) if verdict.kind == "forged"]
    num_passed = sum(verdict.status == "pass" for verdict in verdicts)
    print(f"of {len(programs)}: {num} parse, {len(found)} flagged; {num_passed} pass, {len(accused)} forged")
    assert num > 450
    assert num_passed > 100
    assert not found, found[:3]
    assert not accused, accused[:3]


USES = {
    "gc": "import gc\ngc.collect()\nassert gc.get_objects()\nassert gc.get_referrers(gc) is not None",
    "inspect": "import inspect\ndef f(x): return x\nassert str(inspect.signature(f)) == '(x)'\n"
               "assert 'return x' in inspect.getsource(f)\nassert inspect.stack() and inspect.currentframe()",
    "eval": "assert eval('1 + 1') == 2",
    "exec": "space = {}\nexec('x = 3', space)\nassert space['x'] == 3",
    "compile": "assert eval(compile('2 * 3', '<text>', 'eval')) == 6",
    "timeit": "import timeit\nassert timeit.timeit('x = 1', number=10) >= 0\nassert timeit.repeat('pass', number=3)",
    "scopes": "x = 1\nassert globals()['x'] == vars()['x'] == 1\ndef f(y): return locals()\nassert f(2) == {'y': 2}",
    "import_by_name": "import importlib\nassert __import__('gc') is importlib.import_module('gc')",
    "modules": "import sys\nassert sys.modules['__main__'].__name__ == '__main__'",
    "frames": "import sys\ndef f(): return sys._getframe().f_back.f_lineno\nassert f() == 3",
    "traceback": "import sys, traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError as error:\n"
                 "    assert traceback.extract_tb(error.__traceback__)[-1].lineno == 3\n"
                 "    assert 'ZeroDivisionError' in traceback.format_exc() and sys.exc_info()[2].tb_frame",
    "hooks": "import sys\nsys.excepthook = lambda *error: None\nsys.setprofile(None)",
    "tracing": "import sys\nseen = []\ndef trace(frame, event, argument):\n    seen.append(event)\n    return trace\n"
               "def f():\n    return 1\nsys.settrace(trace)\nf()\nsys.settrace(None)\nassert 'return' in seen, seen",
    "tracing_the_last_statement": "import sys\nseen = []\ndef f(): return 1\n"
                                  "sys.settrace(lambda *event: seen.append(event))\nif f(): assert seen, seen",
    "profiling_the_last_statement": "import sys\nseen = []\ndef f(): return 1\n"
                                    "sys.setprofile(lambda *event: seen.append(event))\nif f(): assert seen, seen",
    "profile": "import cProfile, io, pstats\nprofile = cProfile.Profile()\nprofile.runcall(sorted, [2, 1])\n"
               "pstats.Stats(profile, stream=io.StringIO()).print_stats()",
    "trace_module": "import trace\ntrace.Trace(count=1, trace=0).runfunc(sorted, [2, 1])",
    "debugger": "import bdb, pdb, code, codeop\nassert pdb.Pdb and codeop.compile_command('x = 1')",
    "dis": "import dis, io\ndef f(): pass\ndis.dis(f, file=io.StringIO())\nassert f.__code__.co_name == 'f'",
    "closures": "def f(x):\n    return lambda: x\n"
                "assert f(3).__closure__[0].cell_contents == 3 and f.__globals__ is globals()",
    "classes": "class A: pass\nclass B(A): pass\nassert A.__subclasses__() == [B]",
    "native": "import ctypes, mmap, resource, fcntl\nassert ctypes.sizeof(ctypes.c_int)\nmmap.mmap(-1, 9).close()\n"
              "assert resource.getrusage(resource.RUSAGE_SELF)\nassert ctypes.c_long.from_address(id(ctypes)).value",
    "getattr": "import os, sys\nassert getattr(os, 'getpid')() and getattr(sys, 'maxsize')",
    "descriptors": "import os\nr, w = os.pipe()\nos.write(w, b'x')\nassert os.read(r, 1) == b'x'\nos.close(r)\n"
                   "os.dup2(1, w)\nos.fdopen(w, 'w').close()\nassert open(0).read() == ''",
    "generators": "def f():\n    yield 1\ng = f()\nassert g.gi_frame.f_locals == {}",
    "runpy": "import runpy\nopen('a.py', 'w').write('x = 4')\nassert runpy.run_path('a.py')['x'] == 4",
    "standard_uses": "import collections, dataclasses, enum, logging, typing, warnings\n"
                     "P = collections.namedtuple('P', 'x')\nN = typing.NamedTuple('N', [('x', int)])\n"
                     "E = enum.Enum('E', 'a')\nlogging.basicConfig()\nlogging.getLogger().warning('x', stacklevel=2)\n"
                     "warnings.warn('x', stacklevel=2)\n@dataclasses.dataclass\nclass D:\n    x: int\n"
                     "assert D(1) == D(1) and P.__module__ == '__main__'",
    "doctest": "import doctest\ndef f():\n    '''\n    >>> f()\n    1\n    '''\n    return 1\n"
               "assert doctest.testmod() == (0, 1)",
    "pickle": "import pickle\nclass C: pass\nassert type(pickle.loads(pickle.dumps(C()))) is C",
    "builtins_of_site": "assert callable(exit) and callable(quit) and callable(help)",
}  # fmt: skip


@pytest.mark.parametrize("name", list(USES))
def test_ordinary_uses_pass(run: Callable[[str], Verdict], name: str) -> None:
    verdict = run(USES[name])
    assert verdict.status == "pass", verdict


NOT_FORGED = [
    "model.compile(optimizer='adam')\nmodel.eval()",
    "from torch import compile\ncompile(model)",
    "image.open(path)\nopen('3')\nopen(0)\nopen(True)\nopen(13)",
    "import os\nos.path.join('proc', 'self')",
    "import importlib\nimportlib.import_module('torch')",
    "print('/process/self', 'dev/fdisk', '/dev/fd', '/proc/self/status')",
]


@pytest.mark.parametrize("code", NOT_FORGED)
def test_look_alikes_are_not_flagged(code: str) -> None:
    assert find_forgery(ast.parse(code)) is None


FORGED = [
    "import io\nio.FileIO(3)",
    "f = '/dev/fd/3'",
    "import os\nos.fdopen(3, 'wb')",
    "open('/proc/self/mem', 'r+b')",
]


@pytest.mark.parametrize("code", FORGED)
def test_what_names_the_report_is_flagged(code: str) -> None:
    assert may_forge(code)
    assert find_forgery(ast.parse(code)) is not None
