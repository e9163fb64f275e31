"""A static check for code that could fake its own report.

Snippet and runner share an interpreter, so code that walks frames or the heap can find
the nonce, and code that writes to descriptors can send a report. No sandbox stops that;
this check names the ways there. It flags none of APIBench's references nor of Gorilla's
recorded answers, so what it flags is worth a fault. It is a check of the ways that a
policy in training stumbles on, not a proof against an adversary.
"""

from __future__ import annotations

import ast

_MODULES = frozenset([
    "_ctypes", "_posixsubprocess", "_testcapi", "_xxsubinterpreters", "bdb", "cffi", "code",
    "codeop", "ctypes", "dis", "faulthandler", "fcntl", "gc", "inspect", "mmap", "pdb", "posix",
    "resource", "runpy", "sys.monitoring", "trace",
])  # fmt: skip
_NAMES = frozenset([
    "__import__", "__loader__", "breakpoint", "compile", "eval", "exec", "globals", "locals", "vars",
])  # fmt: skip
_ATTRIBUTES = frozenset([
    "__builtins__", "__closure__", "__code__", "__globals__", "__loader__", "__subclasses__",
    "__traceback__", "_current_exceptions", "_current_frames", "_exit", "_getframe",
    "_getframemodulename", "ag_frame", "call_tracing", "cell_contents", "closerange", "cr_frame",
    "dup", "dup2", "exc_info", "excepthook", "extract_stack", "f_back", "f_builtins", "f_code",
    "f_globals", "f_locals", "fdopen", "get_objects", "get_referrers", "gi_frame", "pwrite",
    "setprofile", "settrace", "tb_frame", "tb_next", "walk_stack", "walk_tb", "writev",
])  # fmt: skip
_PATHS = ("/dev/fd", "/proc/self/fd", "/proc/self/mem", "/proc/thread-self/fd")
_CALLS_OF_OS = frozenset(("close", "open", "pipe", "pread", "read", "sendfile", "splice", "write"))


def find_forgery(tree: ast.Module) -> tuple[str, int] | None:
    """The first construct that could reach the report, and its line; None where there is none."""
    nodes = list(ast.walk(tree))
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    stored |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    defined = _defined_first(tree)
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        construct = _suspicious(node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _NAMES - defined:
            # Called, or taken to be called by another name.
            construct = construct or (node.id if id(node) in called or node.id not in stored else None)
        if construct is not None:
            return construct, getattr(node, "lineno", 0)
    return None


def _defined_first(tree: ast.Module) -> set[str]:
    """Names that a statement of the module's own, under no condition, imports or defines as a function or class."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


def _suspicious(node: ast.AST) -> str | None:
    match node:
        case ast.Import(names=names):
            return next((name.name for name in names if _is_denied(name.name)), None)
        case ast.ImportFrom(module=str(module), names=names):
            if _is_denied(module):
                return module
            denied = {"os": _CALLS_OF_OS, "builtins": _NAMES}.get(module, _ATTRIBUTES)
            return next((f"{module}.{name.name}" for name in names if name.name in denied | _ATTRIBUTES), None)
        case ast.Attribute(value=ast.Name(id="os"), attr=attribute) if attribute in _CALLS_OF_OS:
            return f"os.{attribute}"
        case ast.Attribute(value=ast.Name(id="builtins"), attr=attribute) if attribute in _NAMES:
            return f"builtins.{attribute}"
        case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
            return "sys.modules"
        case ast.Attribute(attr=attribute) if attribute in _ATTRIBUTES:
            return attribute
        case ast.Call(func=ast.Name(id="open" | "FileIO" as name), args=[ast.Constant(value=int(descriptor)), *_]):
            return f"{name}({descriptor})"
        case ast.Call(func=ast.Attribute(attr="open" | "FileIO" as name), args=[ast.Constant(value=int(number)), *_]):
            return f"{name}({number})"
        case ast.Call(
            func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(module)), *_],
        ) if _is_denied(module):
            return module
        case ast.Call(func=ast.Name(id="getattr" | "setattr"), args=[ast.Name(id="os" | "sys"), *_]):
            return "getattr() of a system module"
        case ast.Constant(value=str(text)) if text in _ATTRIBUTES or text.startswith(_PATHS):
            return text[:40]
    return None


def _is_denied(module: str) -> bool:
    return module in _MODULES or module.split(".")[0] in _MODULES
