"""The Python grammar of Gorilla's scripts: tree-sitter-python as it was in spring 2023.

How a parser recovers in text that is not Python decides which node comes last, and so what the scripts say of an
answer; the next release of the grammar already changes single verdicts. No package index has that state, so its
generated C source lies beside this file (tree-sitter/tree-sitter-python f797348, MIT, licence inside): the
``parser.c`` is that of the scripts' repository byte by byte, and the scanner is its first one in C, which gave the
same trees as the C++ one there on all 5,331 distinct texts that the scripts cut out of Gorilla's recorded answers.
It is compiled once, in seconds, by the system's C compiler.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from tree_sitter import Language, Node, Parser

SOURCE = Path(__file__).with_name("tree_sitter_python_2023.tar.xz")

Parse = Callable[[bytes], Node]


class GrammarError(RuntimeError):
    """The grammar cannot be compiled here; one line says why."""


@functools.cache
def python_2023() -> Parse:
    """What gives the root of the syntax tree of a UTF-8 text. GrammarError where it cannot be compiled."""
    library = ctypes.CDLL(str(_compiled(_cache_dir())))
    library.tree_sitter_python.restype = ctypes.c_void_p
    parser = Parser(Language(library.tree_sitter_python()))
    return lambda source: parser.parse(source).root_node


def _cache_dir() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rlaif"


def _compiled(cache: Path) -> Path:
    """The shared library, made where it is not there yet; its name holds the digest of its source and the platform."""
    digest = hashlib.sha256(SOURCE.read_bytes() + sysconfig.get_platform().encode()).hexdigest()[:16]
    library = cache / f"tree_sitter_python_2023-{digest}.so"
    if library.exists():
        return library
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = _compile(Path(folder))
            made.replace(library)  # at once, as several processes may be compiling
    except OSError as error:
        raise GrammarError(f"the grammar of Gorilla's scripts cannot be kept in {cache}: {error}") from None
    return library


def _compile(folder: Path) -> Path:
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if compiler is None:
        raise GrammarError("the grammar of Gorilla's scripts needs a C compiler: cc, gcc or clang")
    with tarfile.open(SOURCE) as archive:
        archive.extractall(folder, filter="data")
    library = folder / "library.so"
    sources = ["src/parser.c", "src/scanner.c"]
    command = [compiler, "-O1", "-w", "-fPIC", "-shared", "-Isrc", *sources, "-o", str(library)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise GrammarError(f"{compiler} cannot compile the grammar of Gorilla's scripts: {lines[-1] if lines else ''}")
    return library
