"""API calls read out of code: what is called, and with which arguments.

A callee is written as a dotted path and resolved through the program's own imports, so that
``from datetime import date; date(2024, 1, 2)`` is a call of ``datetime.date``. A variable that
holds a call's result stands for the callee: ``p = Path("x"); p.exists()`` is ``pathlib.Path.exists``.
A variable that only ever holds one string stands for it: ``url = "x"; load(url)`` is ``load("x")``.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rlaif.source.written import source_of

LITERAL_TYPES = {
    ast.Constant: None, ast.JoinedStr: "str", ast.List: "list", ast.ListComp: "list", ast.Dict: "dict",
    ast.DictComp: "dict", ast.Set: "set", ast.SetComp: "set", ast.Tuple: "tuple",
}  # fmt: skip
MAX_REPAIRS = 16


@dataclass(frozen=True)
class Value:
    """An argument. ``source`` is its normal form: quotes, spaces and line breaks do not matter."""

    source: str
    is_literal: bool
    strings: tuple[str, ...]
    """Every string constant inside it: ``AutoModel.from_pretrained('x')`` as an argument has 'x'."""

    @property
    def literal(self) -> object:
        """The Python value of a literal; ValueError where the argument is an expression."""
        return ast.literal_eval(self.source)


@dataclass(frozen=True)
class ApiCall:
    """One call. ``**options`` stands among the keywords under the name ``**``."""

    callee: str
    """Dotted, resolved through imports."""
    written: str
    """Dotted, as the code has it."""
    args: tuple[Value, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()

    @property
    def values(self) -> Iterator[Value]:
        yield from self.args
        for _, value in self.keywords:
            yield value

    @property
    def strings(self) -> frozenset[str]:
        """All string constants among the arguments, nested ones included."""
        return frozenset(string for value in self.values for string in value.strings)


@dataclass(frozen=True)
class Names:
    """What the names of a program stand for."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    """Name -> dotted path, of every import and every variable that holds a call's result."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Name -> string, of every variable that is only ever assigned that string."""


def calls_in(code: str, names: Names | None = None) -> list[ApiCall]:
    """All calls of a program in the order of the text, an outer call before those inside it.

    ``names`` adds to the code's own, for a fragment whose imports stand elsewhere. Of code that does
    not parse, the part before the error counts.
    """
    nodes = list(ast.walk(parse_prefix(code)))
    known = _merge(names, _names(nodes))
    found = [node for node in nodes if isinstance(node, ast.Call)]
    found.sort(key=lambda node: (node.lineno, node.col_offset, -(node.end_lineno or 0), -(node.end_col_offset or 0)))
    return [call for node in found if (call := _api_call(node, known)) is not None]


def parse_call(text: str, names: Names | None = None) -> ApiCall | None:
    """The first outermost call of a short text such as ``model = torch.hub.load('a/b', 'c')``.

    Also reads calls that Python would refuse, as some of APIBench's are, and calls with prose around
    them: an argument that does not parse alone is kept as it is written. None where there is no call.
    """
    calls = calls_in(text.strip(), names)
    return calls[0] if calls else _parse_damaged(text, names or Names())


def names_in(code: str) -> Names:
    """What a program's names stand for, to read a fragment that uses them."""
    return _names(ast.walk(parse_prefix(code)))


def same_callee(a: str, b: str) -> bool:
    """Equal, or one is the other's tail: ``AutoModel.from_pretrained`` and the same under ``transformers.``."""
    return a == b or a.endswith("." + b) or b.endswith("." + a)


def parse_prefix(code: str) -> ast.Module:
    """The syntax tree of the code, or of the longest run of lines that ends before its first error."""
    lines = code.replace("\0", "").split("\n")
    for _ in range(MAX_REPAIRS):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                return ast.parse("\n".join(lines))
        except SyntaxError as error:
            lines = lines[: max(0, min(error.lineno or 1, len(lines)) - 1)]
        except (RecursionError, MemoryError, ValueError):
            break
    return ast.Module(body=[], type_ignores=[])


def _merge(outer: Names | None, inner: Names) -> Names:
    if outer is None:
        return inner
    return Names({**outer.aliases, **inner.aliases}, {**outer.constants, **inner.constants})


def _names(nodes: Iterable[ast.AST]) -> Names:
    imports: dict[str, str] = {}
    holders: dict[str, str] = {}
    strings: dict[str, set[str | None]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            imports.update({name.asname: name.name for name in node.names if name.asname})
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports.update({name.asname or name.name: f"{node.module}.{name.name}" for name in node.names})
        for name, value in _bindings(node):
            string = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
            strings.setdefault(name, set()).add(string)
            if isinstance(value, ast.Call):
                holders[name] = _dotted(value)
    aliases = {name: _resolve(dotted, imports) for name, dotted in holders.items() if dotted}
    constants = {name: next(iter(found)) for name, found in strings.items() if len(found) == 1}
    return Names({**aliases, **imports}, {name: value for name, value in constants.items() if value is not None})


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """The names that a node binds, each with its value where that is one expression."""
    if isinstance(node, ast.Assign):
        targets: list[ast.expr] = node.targets
        value: ast.expr | None = node.value
    elif isinstance(node, ast.withitem) and node.optional_vars:
        targets, value = [node.optional_vars], node.context_expr
    elif isinstance(node, ast.AugAssign | ast.For | ast.comprehension | ast.AnnAssign | ast.NamedExpr):
        targets, value = [node.target], None
    elif isinstance(node, ast.arg):
        yield node.arg, None
        return
    else:
        return
    for target in targets:
        if isinstance(target, ast.Name):
            yield target.id, value
        else:
            yield from ((part.id, None) for part in ast.walk(target) if isinstance(part, ast.Name))


def _api_call(node: ast.Call, names: Names) -> ApiCall | None:
    written = _dotted(node.func)
    if not written:
        return None
    return ApiCall(
        callee=_resolve(written, names.aliases),
        written=written,
        args=tuple(_value(argument, names) for argument in node.args),
        keywords=tuple((keyword.arg or "**", _value(keyword.value, names)) for keyword in node.keywords),
    )


def _dotted(node: ast.AST) -> str:
    """``a.b.c`` of an expression; a call in it is passed over; "" where there is no name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call):
        return _dotted(node.func)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}".lstrip(".")
    if isinstance(node, ast.Constant):
        return type(node.value).__name__
    return LITERAL_TYPES.get(type(node)) or ""  # type: ignore[call-overload]


def _resolve(written: str, aliases: Mapping[str, str]) -> str:
    head, dot, rest = written.partition(".")
    return aliases.get(head, head) + dot + rest


def _value(node: ast.expr, names: Names) -> Value:
    if isinstance(node, ast.Name) and node.id in names.constants:
        node = ast.Constant(names.constants[node.id])
    parts = list(ast.walk(node))
    strings = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    strings += [names.constants[part.id] for part in parts if isinstance(part, ast.Name) and part.id in names.constants]
    return Value(source_of(node), _is_literal(node), tuple(strings))


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _parse_damaged(text: str, names: Names) -> ApiCall | None:
    """The first thing that looks like a call, read argument by argument."""
    head = re.search(r"([A-Za-z_][\w.]*)\(", text)
    pieces = _split_arguments(text[head.end() :]) if head else None
    if head is None or pieces is None:
        return None
    args: list[Value] = []
    keywords: list[tuple[str, Value]] = []
    for piece in pieces:
        try:
            call = ast.parse(f"_({piece})", mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            name, equals, source = piece.rpartition("=")
            value = Value(source.strip(), False, ())
            keywords.append((name.strip(), value)) if equals else args.append(value)
            continue
        assert isinstance(call, ast.Call)
        args.extend(_value(argument, names) for argument in call.args)
        keywords.extend((keyword.arg or "**", _value(keyword.value, names)) for keyword in call.keywords)
    return ApiCall(_resolve(head[1], names.aliases), head[1], tuple(args), tuple(keywords))


def _split_arguments(text: str) -> list[str] | None:
    """What stands between the commas up to the closing bracket; None where none closes."""
    depth, pieces = 0, [""]
    try:
        for token in tokenize.generate_tokens(io.StringIO(text.replace("\n", " ")).readline):
            if token.type == tokenize.ERRORTOKEN and token.string in ("'", '"'):
                return None
            depth += (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}"))
            if depth < 0:
                return [piece for piece in pieces if piece.strip()]
            if token.string == "," and depth == 0:
                pieces.append("")
            else:
                # A space keeps names apart, as in `x for x in y`.
                pieces[-1] += " " * token.string.isidentifier() + token.string
    except (tokenize.TokenError, IndentationError):
        return None
    return None
