"""Programs of every kind in every dress, between any words: what holds one alone has to hold together, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rlaif.data.completion import parse_completion

F = "```"
PROGRAMS = {
    "plain": "import json\nprint(json.dumps({'a': 1}))",
    "a fence in a docstring": f'import json\ndef f():\n    """Do.\n\n    {F}\n    f()\n    {F}\n    """\nf()',
    "a Python fence in it": f'def f():\n    """Do.\n\n    {F}python\n    f()\n    {F}\n    """\nprint(f())',
    "one at the line's start": f'def f():\n    """Do.\n\n{F}python\nf()\n{F}\n    """\n    return 1\nprint(f())',
    "one in the module's": f'"""Do.\n\n{F}python\nx = 1\n{F}\n"""\nprint(1)',
    "tildes in a string": "s = '''\n~~~\na\n~~~\n'''\nprint(s)",
    "Markdown in an f-string": f'n = 1\nt = f"""# {{n}}\n\n{F}python\nprint({{n!r}})\n{F}\n\nend\n"""\nprint(t)',
    "two strings of Markdown": f'a = """\n{F}bash\nls\n{F}\n"""\nb = """\n{F}\n1\n{F}\n"""\nprint(a + b)',
    "a pattern of fences": f"import re\nm = re.search(r'{F}(?:python)?\\n(.*?){F}', '', re.DOTALL)\nprint(m)",
    "a fence in a comment": f"# Usage:\n# {F}python\n# f()\n# {F}\ndef f():\n    return 1\nprint(f())",
    "a comment first": "# Dump it\nimport json\nprint(json.dumps({'a': 1}))",
    "a function first": "def f():\n    return 1\nprint(f())",
    "a docstring first": '"""Dump."""\nimport json\nprint(json.dumps(1))',
    "a decorator": "import functools\n\n\n@functools.cache\ndef f(n):\n    return n\n\n\nprint(f(1))",
    "prose in a string": 'text = """\nHere is the code:\n\nimport os\n\nDone.\n"""\nprint(text)',
    "an exit": "import sys\ndef main():\n    return 0\nif __name__ == '__main__':\n    sys.exit(main())",
    "the end of a thought in a string": 'print("a</think>b")',
    "a thought in a string": 'text = "<think>x</think>y"\nprint(text.split("</think>")[-1])',
    "headings as comments": "# Step 1\nx = 1\n\n# Step 2\nprint(x)",
    "a session in a docstring": 'def f():\n    """F.\n\n    >>> f()\n    1\n    """\n    return 1\nprint(f())',
    "HTML in a string": 'page = "<pre><code>x</code></pre>"\nprint(page)',
    "a tag in a string": 'page = """\n<code>\nx = 1\n</code>\n"""\nprint(page)',
    "escapes": "path = 'C:\\\\new\\\\table'\nprint(path, '\\n```\\n')",
    "a section's marker in a string": "print('a')\nprint('<<<code>>>: x')",
    "other letters": "print('größe — 名 😀')",
    "a function alone": "def add(a, b):\n    return a + b",
    "a class": 'class A:\n    """A."""\n\n    def f(self):\n        return 1\n\n\nprint(A().f())',
}


def between(opening: str, closing: str = F) -> Callable[[str], str]:
    return lambda code: f"{opening}\n{code}\n{closing}"


def in_a_list(code: str) -> str:
    return "1. So:\n\n" + "\n".join(f"   {line}" if line else line for line in between(f"{F}python")(code).split("\n"))


DRESSES: dict[str, Callable[[str], str]] = {
    "python": between(f"{F}python"),
    "py": between(f"{F}py"),
    "no name": between(F),
    "tildes": between("~~~python", "~~~"),
    "four backticks": between("````python", "````"),
    "a title": between(f'{F}python title="a.py"'),
    "braces": between(f"{F}{{.python .numberLines}}"),
    "cut off": lambda code: f"{F}python\n{code}",
    "a closing fence alone": lambda code: f"{code}\n{F}",
    "bare": lambda code: code,
    "a tag": between("<code>", "</code>"),
    "square brackets": between("[PYTHON]", "[/PYTHON]"),
    "in a list": in_a_list,
}
LEADS = {
    "nothing": "",
    "prose": "Sure, here is a program that does it:\n\n",
    "a heading": "**Code:**\n\n",
    "a shell fence": f"{F}bash\npip install x\n{F}\n\nThen:\n\n",
    "a draft in a thought": f"<think>\nLet me see.\n{F}python\nx = undefined\n{F}\nNo.\n</think>\n\n",
    "one that the prompt opens": f"Try `x`:\n{F}python\nbad()\n{F}\n</think>\n\n",
}
TAILS = {
    "nothing": "",
    "prose": "\n\nThis program prints it, as you asked.",
    "its output": f'\n\nOutput:\n{F}\n{{"a": 1}}\n{F}',
    "an end of turn": "<|im_end|>",
    "the next task": f"\n\n### Instruction:\nWrite another.\n\n### Response:\n{F}python\nprint('no')\n{F}",
    "its usage in a shell": f"\n\nRun it with:\n\n{F}bash\npython main.py\n{F}\n",
}
LINE_ENDS = ("\n", "\r\n", "\r")


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_the_program_is_read_in_any_dress_between_any_words(name: str) -> None:
    code = PROGRAMS[name]
    wrong = [
        (dress, lead, tail, line_end)
        for dress in DRESSES
        for lead in LEADS
        for tail in TAILS
        for line_end in LINE_ENDS
        if not (dress == "cut off" and tail not in ("nothing", "an end of turn"))
        and parse_completion((LEADS[lead] + DRESSES[dress](code) + TAILS[tail]).replace("\n", line_end)).code != code
    ]
    assert not wrong, (len(wrong), wrong[:5])


NEXT_TURNS = (
    f"\n###Instruction: Write it again\n###Output:\n{PROGRAMS['a class']}", "\n<|user|>\nmore\n<|assistant|>\nno",
    "\n[INST] more [/INST] no", "\n<start_of_turn>user\nmore<end_of_turn>", "<|im_end|>\n<|im_start|>user\nThanks",
    "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nmore", "\n<|endoftext|>\nprint('other')", "<eos>",
    "</s>print('other')",
)  # fmt: skip


@pytest.mark.parametrize("turn", NEXT_TURNS)
@pytest.mark.parametrize("dress", ["bare", "python", "a tag"])
def test_the_next_turn_is_no_part_of_the_answer(turn: str, dress: str) -> None:
    for code in PROGRAMS.values():
        assert parse_completion(DRESSES[dress](code) + turn).code == code


@pytest.mark.parametrize("mark", [
    "<|im_end|>", "<|endoftext|>", "</s>", "[INST]", "### Instruction:", "<|user|>", "</think>", "<<<code>>>: x",
])  # fmt: skip
@pytest.mark.parametrize("dress", ["bare", "python", "tildes", "no name"])
def test_marks_in_the_strings_of_a_program_mark_nothing(mark: str, dress: str) -> None:
    for code in (f'text = """\n{mark}\n"""\nprint(text)', f"for part in 'a{mark}b'.split('{mark}'):\n    print(part)"):
        assert parse_completion(DRESSES[dress](code)).code == code


@pytest.mark.parametrize("before", ["    ", "\t", "  \t"])
def test_a_program_may_be_indented_as_a_whole(before: str) -> None:
    code = PROGRAMS["plain"]
    assert parse_completion("\n".join(before + line for line in code.split("\n"))).code == code


def test_a_byte_order_mark_is_no_part_of_a_program() -> None:
    code = PROGRAMS["plain"]
    assert parse_completion(f"\ufeff{code}").code == code
    assert parse_completion(f"{F}python\n\ufeff{code}\n{F}").code == code


TAILS_OF_PROSE = (
    "Это печатает словарь.", "这会打印字典。", "यह छापता है।", "> Note: fine", "* imports", "**Explanation**", "---",
    "=====", "🎉", "Explanation\n-----------\nIt prints.", "- imports json\n- prints", "1. It imports.\n2. It prints.",
)  # fmt: skip


@pytest.mark.parametrize("tail", TAILS_OF_PROSE)
def test_prose_of_any_script_and_markup_ends_bare_code(tail: str) -> None:
    code = PROGRAMS["plain"]
    assert parse_completion(f"{code}\n\n{tail}").code == code
    assert parse_completion(f"**Code:**\n\n{code}\n\n{tail}").code == code


@pytest.mark.parametrize("lead", ["这是代码：", "コード：", "Voici le code :", "Вот код:", "python", "Python"])
def test_a_lead_of_any_script_is_before_it(lead: str) -> None:
    assert parse_completion(f"{lead}\n{PROGRAMS['plain']}").code == PROGRAMS["plain"]


BARE = (
    "assert 1 + 1 == 2", "while True:\n    break", "[print(n) for n in range(3)]", "'a,b'.split(',')\nprint(1)",
    "if True:\n    x = 1",
    "with open('a', 'w') as file:\n    pass", "try:\n    import x\nexcept ImportError:\n    pass",
)  # fmt: skip


@pytest.mark.parametrize("code", BARE)
def test_a_program_may_start_with_any_statement(code: str) -> None:
    assert parse_completion(code).code == code


WRAPPERS = {
    "MediaWiki": '<syntaxhighlight lang="python">\n{}\n</syntaxhighlight>',
    "an artifact": '<antArtifact identifier="a" type="application/vnd.ant.code" language="python">\n{}\n</antArtifact>',
    "a file": '<file path="main.py">\n{}\n</file>',
    "LaTeX": "\\begin{{code}}\n{}\n\\end{{code}}",
    "MBPP's": "[BEGIN]\n{}\n[DONE]\n\nYou are an expert",
    "BBCode": "[code=python]\n{}\n[/code]",
    "a closing tag alone": "{}\n</code>",
    "a notebook's line": f"{F}python\n!pip install x\n%matplotlib inline\n{{}}\n{F}",
    "a notebook's file": f"{F}python\n%%writefile main.py\n{{}}\n{F}",
    "pseudocode first": f"{F}pseudocode\nx = 1\n{F}\n{F}python\n{{}}\n{F}",
}


@pytest.mark.parametrize("name", list(WRAPPERS))
def test_other_wrappings(name: str) -> None:
    code = PROGRAMS["plain"]
    assert parse_completion(WRAPPERS[name].format(code)).code == code


@pytest.mark.parametrize("prompt", [">>> ", ">>>"])
@pytest.mark.parametrize("banner", ["", "$ python\nPython 3.11.7\nType \"help\" for more information.\n"])
def test_a_session_may_start_as_the_interpreter_does(prompt: str, banner: str) -> None:
    code = PROGRAMS["plain"]
    session = banner + "\n".join(prompt + line for line in code.split("\n")) + '\n{"a": 1}'
    assert parse_completion(f"{F}python\n{session}\n{F}").code == code


SAY_NOTHING = (
    "No", "None", "True", "yes; no", "Paris, France", "not available", "a or b", "Note: use", "Answer: 42", "42", "...",
    '"Hello"', "TODO: implement", "Title: Hello\nBody: World", "- item1\n- item2", "[link](url)", "json.dumps", "pass",
    "# Title", "# Introduction\n\nThis function turns a mapping into a text.", "x > y", "Yes, (it, works)", "''",
    "import the json module and call dumps on it.", "from the documentation: call json.dumps",
    "for each item, print it", "if you want, I can help",
    "with great power comes great responsibility", "assert yourself", "raise your hand",
    "return to sender", "while this works, it is slow", "class of functions that dump", "global warming",
    "del is a key",
    "https://docs.python.org/3/library/json.html", "Roses are red\nViolets are blue", "a: 1\nb: 2", "* imports",
    '"""What is wanted."""', "SELECT * FROM t;", "const x = 1;\nconsole.log(x);", "pip install x\npython main.py",
)  # fmt: skip


@pytest.mark.parametrize("text", SAY_NOTHING)
def test_words_that_python_could_read_are_no_program(text: str) -> None:
    assert parse_completion(text).code is None
