"""Which fenced blocks of a text are Python, among them code that ends with a fence which it never opened."""

from __future__ import annotations

import dataclasses

from rlaif.data.normalise import dedent, syntax_tree
from rlaif.data.program.bare import program_within, whole_program
from rlaif.data.program.fences import Block, fenced_blocks
from rlaif.data.program.language import has_code_line, is_program, is_shell, is_value, language_of
from rlaif.data.program.session import is_session, session_code, without_magics
from rlaif.pattern import Pattern

_LEADS_TO_OUTPUT = Pattern(
    r"(?i)(?:output|outputs|result|results|prints?|printed|returns?|yields?|displays?|shows?"
    r"|see|looks? like|console)\b[^\n]{0,40}:?[*_ \t]*\n?\s*$"
)


def blocks_of(text: str) -> list[Block]:
    """The blocks of a text; the first of them may be one that only a closing fence shows."""
    blocks = fenced_blocks(text)
    unopened = _unopened(text, blocks)
    return blocks if unopened is None else [unopened, *_blocks_after(text, unopened.end)]


def _blocks_after(text: str, position: int) -> list[Block]:
    """The blocks of the rest of a text, with their places in the whole."""
    rest = fenced_blocks(text[position:])
    return [dataclasses.replace(one, start=one.start + position, end=one.end + position) for one in rest]


def _unopened(text: str, blocks: list[Block]) -> Block | None:
    """The code before the first fence, where that closes what nothing opened."""
    start = blocks[0].start if blocks else text.find("```")
    if start < 0 or (blocks and (blocks[0].info or is_program(blocks[0].body))):
        return None
    line_end = text.find("\n", start)
    end = len(text) if line_end < 0 else line_end
    before = text[:start].rstrip()
    if whole_program(before) is not None:
        return Block("", before, 0, end)
    within = program_within(before)
    return None if within is None else Block("", within[1], len(within[0]), end)


def is_python(text: str, block: Block) -> bool:
    """Whether a block is Python, by what its fence says or else by its look."""
    if not block.body.strip():
        return False
    language = language_of(block.info)
    if language == "python":
        return not is_shell(block.body)
    return not language and _looks_python(text, block)


def may_be_code(text: str, block: Block) -> bool:
    """Whether a block that names no language is code where no other is: a name alone, or code that is damaged."""
    if language_of(block.info) or is_shell(block.body) or _is_output(text, block):
        return False
    tree = syntax_tree(dedent(block.body, []))
    return has_code_line(block.body) or (tree is not None and bool(tree.body) and not is_value(block.body))


def _is_output(text: str, block: Block) -> bool:
    """Whether the words before a block say that it is what a program prints."""
    return _LEADS_TO_OUTPUT.search(text[max(0, block.start - 80) : block.start]) is not None


def _looks_python(text: str, block: Block) -> bool:
    if is_session(block.body):
        return True
    return not _is_output(text, block) and is_program(dedent(block.body, [])) and not is_shell(block.body)


def code_in(block: Block, steps: list[str]) -> str:
    """A block's code, without prompts and indentation."""
    body = block.body
    if (">>>" in body or "In [" in body) and is_session(body):
        steps.append("session")
        body = session_code(body)
    return without_magics(dedent(body, []), steps)
