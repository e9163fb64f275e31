"""What a piece of text is, Python or something else: by a fence's info string, or by its look."""

from __future__ import annotations

import ast
import builtins
import json
import re
from typing import Literal

from rlaif.data.normalise import syntax_tree
from rlaif.pattern import Pattern

Language = Literal["python", "other", ""]

_WORD = Pattern(r"[A-Za-z][\w+#-]*(?:\.\w+)*")
_PYTHON = Pattern(r"(?:i?python|py)[\d.]*(?:-?repl|con|-console|i)?|jupyter|sage|cython|.*\.(?:py|pyi|ipynb)", re.I)
_OTHERS = frozenset({
    "pseudo", "pseudocode", "algorithm",
    "abap", "ada", "apache", "applescript", "asm", "assembly", "awk", "bash", "bat", "batch", "bibtex", "bnf", "c",
    "c#", "c++", "cc", "cfg", "clojure", "cmake", "cmd", "coffeescript", "conf", "console", "cpp", "cs", "csharp",
    "css", "csv", "cuda", "dart", "diff", "docker", "dockerfile", "dos", "ebnf", "elixir", "erlang", "fish",
    "fortran", "fsharp", "git", "go", "golang", "gradle", "graphql", "groovy", "h", "haskell", "hcl", "hpp", "html",
    "http", "ini", "java", "javascript", "jinja", "jinja2", "js", "json", "json5", "jsonc", "jsonl", "jsx", "julia",
    "kotlin", "latex", "less", "lisp", "log", "logs", "lua", "makefile", "markdown", "math", "matlab", "md",
    "mermaid", "mysql", "nginx", "none", "nohighlight", "objc", "objective-c", "ocaml", "out", "output", "pascal",
    "patch", "perl", "php", "plain", "plaintext", "plantuml", "postgres", "postgresql", "powershell", "properties",
    "proto", "protobuf", "ps", "ps1", "r", "ruby", "rust", "scala", "scheme", "scss", "sh", "shell", "shell-session",
    "solidity", "sql", "stderr", "stdout", "svg", "swift", "tcl", "terminal", "terraform", "tex", "text", "toml",
    "traceback", "ts", "tsv", "tsx", "txt", "typescript", "v", "vb", "vba", "verilog", "vhdl", "vim", "vue", "wasm",
    "xml", "yaml", "yml", "zig", "zsh",
})  # fmt: skip
_TITLE = Pattern(r"""\b(?:title|caption|label|id)[ \t]*=[ \t]*(?:"[^"]*"|'[^']*'|[^\s}]+)""")
_SHELL_LINE = Pattern(
    r"[ \t]*(?:[$!%]|(?:sudo|pip3?|python3?|conda|mamba|uv|poetry|apt|apt-get|brew|git|cd|npm|export|source|mkdir|wget"
    r"|curl|ls|cat)[ \t]+[^ \t=(.,:\[])"
)
CODE_LINE = Pattern(
    r"(?:import[ \t]+[\w.]+|from[ \t]+[\w.]+[ \t]+import\b|(?:async[ \t]+)?def[ \t]+\w+[ \t]*\(|class[ \t]+\w+[^\n]*:"
    r"|@\w[\w.]*|(?:async[ \t]+)?(?:for|with)\b[^\n]*:|(?:if|while|elif)\b[^\n]*:|try:|[rbfu]{0,2}(?:\"\"\"|''')|#"
    r"|(?:assert|return|raise|await|del|lambda|match)\b|\w[\w.]*\(|\[[^\n]*\bfor\b|['\"][^\n]*['\"]\.\w+\("
    r"|\w[\w.]*(?:\[[^\]\n]*\])?[ \t]*(?::[^=\n]+|,[^=\n]+)?[-+*/%&|^@<>]{0,3}=(?!=))"
)
"""How a line of Python starts; prose seldom does."""
DEFINITE_LINE = Pattern(
    r"import[ \t]+\w[\w.]*(?:[ \t]+as[ \t]+\w+)?(?:[ \t]*,[^\n]*)?[ \t]*(?:[#;][^\n]*)?$"
    r"|from[ \t]+[\w.]+[ \t]+import[ \t]+[\w(*]"
    r"|(?:async[ \t]+)?def[ \t]+\w+[ \t]*\(|class[ \t]+\w+[ \t]*[(:]|@\w[\w.]*(?:\([^\n]*)?$|#!",
    re.MULTILINE,
)
"""How a line starts that is nothing but Python, also where the code after it is at fault."""


def language_of(info: str) -> Language:
    """The language that a fence's info string names; "" where it names none that is known."""
    if not info:
        return ""
    for word in _WORD.findall(_TITLE.sub(" ", info)):
        if _PYTHON.fullmatch(word):
            return "python"
        if word.lower() in _OTHERS:
            return "other"
    return "python" if re.search(r"\.py\b", info) else ""


def is_program(code: str, lone_call: bool = True) -> bool:
    """Whether the text parses and does something: "Yes", "x", "Note: none", headings and JSON parse too.

    ``lone_call``: whether one call, as `json.dumps(x)`, is enough; where not, it has to be one of a builtin function.
    """
    tree = syntax_tree(code)
    return tree is not None and does_something(tree, code, lone_call)


def does_something(tree: ast.Module, code: str, lone_call: bool = True) -> bool:
    """`is_program` of code that was parsed."""
    if not lone_call and len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
        call = tree.body[0].value
        call = call.elt if isinstance(call, ast.ListComp) else call
        return isinstance(call, ast.Call) and getattr(call.func, "id", None) in dir(builtins) and _is_tight(call, code)
    return any(_acts(node, code) for node in tree.body) or any(_acts(node, code) for node in ast.walk(tree))


def is_value(text: str) -> bool:
    """Whether the text is nothing but a value, as a program prints it: numbers, texts, lists, JSON, or nothing."""
    try:
        ast.literal_eval(text.strip() or "None")
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return False
    return True


def is_shell(text: str) -> bool:
    """Whether every line is a command for a shell or a notebook's magic."""
    has_command = False
    for line in text.split("\n"):
        if line.strip() and not line.lstrip().startswith("#"):
            if not _SHELL_LINE.match(line):
                return False
            has_command = True
    return has_command


def has_code_line(text: str) -> bool:
    """Whether a line starts as Python does, so that text that does not parse is taken for damaged code."""
    return any(CODE_LINE.match(line.lstrip()) and not line.lstrip().startswith("#") for line in text.split("\n"))


def _acts(node: ast.AST, code: str) -> bool:
    if isinstance(node, ast.Call):
        return _is_tight(node, code)
    if isinstance(node, ast.AnnAssign):
        return node.value is not None
    if isinstance(node, ast.Assert):
        return isinstance(node.test, ast.Compare)
    if isinstance(node, ast.While | ast.For | ast.If | ast.With | ast.Try):
        return node.body[0].lineno > node.lineno
    return isinstance(
        node,
        ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AugAssign
        | ast.NamedExpr,
    )  # fmt: skip


def _is_tight(call: ast.Call, code: str) -> bool:
    """Whether the parenthesis follows the function's name at once, as it does not in "Yes (sure)"."""
    line, column = call.func.end_lineno, call.func.end_col_offset
    if line is None or column is None:
        return False
    return code.split("\n")[line - 1].encode()[column : column + 1] == b"("
