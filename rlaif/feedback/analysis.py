"""The program analyses that answer the static judge's questions.

Each takes a `Program` and returns a `Finding`. Where a question presupposes something that
the output itself got wrong (its code does not parse, its API does not exist), the answer is
no; where the analysis lacks the means (no database, a signature that is not told), it is
undetermined, which is an invalid answer and never a no.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rlaif.data.visible import visible
from rlaif.feedback.program import Program
from rlaif.source.calls import Bindings, Call, KnownApi, calls_in_text
from rlaif.source.scopes import undefined_names
from rlaif.source.signatures import misfit, signature_shown
from rlaif.source.stdlib import can_look_into, find_module, is_stdlib, missing_part, signature_of


@dataclass(frozen=True)
class Finding:
    """An analysis' answer. `yes` is None where it could not be determined; `evidence` says why, or what."""

    yes: bool | None
    evidence: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "evidence", visible(self.evidence))


def yes(evidence: str = "") -> Finding:
    return Finding(True, evidence)


def no(evidence: str) -> Finding:
    return Finding(False, evidence)


def undetermined(why: str) -> Finding:
    return Finding(None, why)


CUT_OFF = "the output was cut off at its length limit"


def parses(program: Program) -> Finding:
    """The code is there, is Python, and goes on to its end."""
    if program.tree is None:
        return no(program.syntax_error)
    return no(CUT_OFF) if program.is_cut_off else yes()


def names_defined(program: Program) -> Finding:
    """No name is used before something binds it."""
    if program.tree is None:
        return no(program.syntax_error)
    found = undefined_names(program.tree)
    return no("; ".join(f"line {one.line}: name '{one.name}' is not defined" for one in found)) if found else yes()


def imports_exist(program: Program) -> Finding:
    """Every import is of the standard library, with the names taken from it, or of a known package."""
    if program.tree is None:
        return no(program.syntax_error)
    missing = list(_missing_imports(program.tree, program.packages))
    return no("; ".join(missing)) if missing else yes()


def _missing_imports(tree: ast.Module, packages: frozenset[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if not _module_exists(alias.name, packages):
                    yield f"line {node.lineno}: no module '{alias.name}'"
        elif isinstance(node, ast.ImportFrom):
            yield from _missing_from(node, packages)


def _missing_from(node: ast.ImportFrom, packages: frozenset[str]) -> Iterator[str]:
    module = node.module or ""
    if node.level:
        yield f"line {node.lineno}: a relative import, and the program is no package"
    elif not _module_exists(module, packages):
        yield f"line {node.lineno}: no module '{module}'"
    elif can_look_into(module):
        for alias in node.names:
            if alias.name != "*" and missing_part(f"{module}.{alias.name}"):
                yield f"line {node.lineno}: module '{module}' has no '{alias.name}'"


def _module_exists(name: str, packages: frozenset[str]) -> bool:
    if can_look_into(name):
        return find_module(name) is not None
    return is_stdlib(name) or name.partition(".")[0] in packages


def api_known(program: Program) -> Finding:
    """The called API is in the database, with its model or repository; or it is in the standard library."""
    call = program.api_call
    if call is None:
        return no("the output calls nothing")
    known = program.database.find(call)
    if known:
        return yes(f"the database has {known[0].row.api_call}")
    if call.in_stdlib:
        missing = missing_part(call.resolved)
        return no(missing) if missing else yes(f"{call.resolved} is in the standard library")
    if not program.database:
        return undetermined("there is no API database")
    if program.database.has_callee(call):
        return no(f"the database has {call.written}, but not with {_shown(call)}")
    return no(f"the database has no {call.written}")


def _shown(call: Call) -> str:
    return ", ".join(sorted(map(repr, call.strings))) or "these arguments"


def arguments_fit(program: Program) -> Finding:
    """The API's call, in the api_call section and in the code, fits its signature or its database row."""
    if program.tree is None:
        return no(program.syntax_error)
    known = api_known(program)
    call = program.api_call
    if not known.yes or call is None:
        return known
    findings = [_fit(one, program) for one in _calls_of_api(call, program)]
    wrong = next((finding for finding in findings if finding.yes is False), None)
    if wrong is not None:
        return wrong
    return next((finding for finding in findings if finding.yes is None), yes())


def _calls_of_api(call: Call, program: Program) -> list[Call]:
    """The call under review and the code's calls of the same function."""
    return [call, *(one for one in program.code_calls if one is not call and one.resolved == call.resolved)]


def _fit(call: Call, program: Program) -> Finding:
    if call.repeated:
        return no(f"line {call.line}: {call.written} gets '{call.repeated}' twice")
    known = program.database.find(call)
    if call.in_stdlib:
        return _fits_signature(call, known)
    shown = [_against_row(call, api) for api in known]
    if not shown or None in shown:
        return yes()
    return no(shown[0] or "")


def _fits_signature(call: Call, known: list[KnownApi]) -> Finding:
    signature = signature_of(call.resolved) or next(filter(None, map(signature_shown, known)), None)
    if signature is None:
        return undetermined(f"the signature of {call.resolved} is not known")
    wrong = misfit(call, signature)
    return no(f"line {call.line}: {call.written}: {wrong}") if wrong else yes()


def _against_row(call: Call, api: KnownApi) -> str | None:
    """What a literal argument of the row contradicts in the call, or None. What a call leaves out is no
    contradiction: the references leave out `pretrained=True`, too."""
    for name, value in api.call.literals.items():
        if name in call.literals and call.literals[name] != value:
            return f"line {call.line}: {name}={call.literals[name]!r} where the database shows {value!r}"
    return None


def api_fits_task(program: Program) -> Finding:
    """The called API is of the reference's domain, or the reference's own API.

    This reads the answer that the data set gives, as only a training example may be used.
    """
    findings = [_fits_task(call, program) for call in program.api_calls]
    if not findings:
        return no("the output calls nothing")
    return next((finding for finding in findings if finding.yes), findings[0])


def _fits_task(call: Call, program: Program) -> Finding:
    known = program.database.find(call)
    if any(_plain(api.row.domain) == _plain(program.example.domain) for api in known):
        return yes(f"{call.written} is of the domain {program.example.domain}")
    if any(_is_same_api(call, other) for other in _reference_calls(program)):
        return yes(f"the reference calls {call.written}, too")
    if not program.database:
        return undetermined("there is no API database")
    if not known:
        return no(f"the database has no {call.written} with {_shown(call)}")
    return no(f"{call.written} is of the domain {known[0].row.domain}, not {program.example.domain}")


def _reference_calls(program: Program) -> list[Call]:
    return calls_in_text(program.example.api_call, Bindings())[:1]


def _is_same_api(call: Call, reference: Call) -> bool:
    if not call.is_named(reference.resolved):
        return False
    return reference.in_stdlib or reference.strings <= call.strings


def _plain(domain: str) -> str:
    """APIBench spells one domain in several ways: "Text-To-Speech", "Text-to-Speech"."""
    return re.sub(r"\W+", " ", domain).strip().casefold()


def code_agrees(program: Program) -> Finding:
    """The code makes the stated call, and has the values that the reference takes from the instruction."""
    if program.tree is None:
        return no(program.syntax_error)
    stated = program.completion.api_call
    if stated is None and program.reference.api_call is not None:
        return no("the output states no api_call")
    if stated is not None and not program.stated_calls:
        return no("the api_call section holds no call")
    if program.stated_calls and not _makes(program.stated_calls[0], program):
        return no(f"the code does not call {program.stated_calls[0].written} as stated")
    unused = [value for value, used in program.values.items() if not used]
    if unused:
        return no(f"the instruction's {', '.join(map(repr, unused))} is not in the code")
    return yes()


def _makes(stated: Call, program: Program) -> bool:
    """Whether the code calls the same function and has the stated strings, be it through variables."""
    called = any(call.is_named(stated.resolved) or stated.is_named(call.resolved) for call in program.code_calls)
    return called and stated.strings <= program.code_strings


def runs(program: Program) -> Finding:
    """What can be said without running it: no, where another analysis found an error; else undetermined.

    The static judge asks the sandbox instead where it has one.
    """
    for analysis in (parses, names_defined, imports_exist, arguments_fit):
        finding = analysis(program)
        if finding.yes is False:
            return finding
    for call in program.code_calls:
        missing = missing_part(call.resolved) if _is_imported(call, program) else None
        if missing:
            return no(f"line {call.line}: {missing}")
    return undetermined("no error was found, and the code was not run")


def _is_imported(call: Call, program: Program) -> bool:
    """Whether the call's name goes back to an import of the standard library."""
    root = call.written.partition(".")[0]
    return can_look_into(program.bindings.imports.get(root, ""))


ANALYSES: dict[str, Callable[[Program], Finding]] = {
    "parses": parses,
    "names_defined": names_defined,
    "imports_exist": imports_exist,
    "api_known": api_known,
    "arguments_fit": arguments_fit,
    "api_fits_task": api_fits_task,
    "code_agrees": code_agrees,
    "runs": runs,
}
"""The analyses that a question set can name."""
