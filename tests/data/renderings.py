"""Completions that hold one program, in the dresses that models and servers in use give it; and texts with none."""

from __future__ import annotations

import html
import json

F = "```"
PROGRAM = "import json\nprint(json.dumps({'a': 1}))"
DEFINED = "def dumped(value):\n    import json\n    return json.dumps(value)\nprint(dumped({'a': 1}))"
HALVES = ("import json", "print(json.dumps({'a': 1}))")
OTHER = "print('another way')"
DOCSTRING = f"import json\ndef f():\n    '''Do.\n\n    {F}python\n    f()\n    {F}\n    '''\n    return 1\nprint(f())"
BROKEN = "import json\nprint(json.dumps({'a': 1})"
ESCAPED = json.dumps(PROGRAM)[1:-1]


def fenced(code: str, info: str = "python", fence: str = F) -> str:
    return f"{fence}{info}\n{code}\n{fence}"


def indented(text: str, by: str) -> str:
    return "\n".join(by + line if line else line for line in text.split("\n"))


SHELL = fenced("pip install orjson", "bash")
PLAIN = fenced(PROGRAM)
DRAFT = fenced("print('a draft')")

# Fences

FENCES = {
    "a shell fence first": f"Install it:\n{SHELL}\n\nThen run:\n{PLAIN}",
    "a console fence first": f"{fenced('$ pip install orjson', 'console')}\n{PLAIN}",
    "an unnamed shell fence first": f"{fenced('pip install orjson', '')}\n{PLAIN}",
    "a shell command in a Python fence first": f"{fenced('!pip install orjson')}\n{PLAIN}",
    "a JSON fence first": f"Given\n{fenced(json.dumps({'a': 1}), 'json')}\n{PLAIN}",
    "a C++ fence first": f"{fenced('int main() { return 0; }', 'c++')}\n{PLAIN}",
    "CRLF": PLAIN.replace("\n", "\r\n"),
    "CR": PLAIN.replace("\n", "\r"),
    "CRLF around, LF inside": f"{F}python\r\n{PROGRAM}\r\n{F}\r\n",
    "tildes": fenced(PROGRAM, fence="~~~"),
    "tildes with a space": fenced(PROGRAM, " python", "~~~"),
    "four backticks": fenced(PROGRAM, fence="````"),
    "four backticks around three": f"````markdown\n{PLAIN}\n````",
    "a title": fenced(PROGRAM, 'python title="a.py"'),
    "braces": fenced(PROGRAM, "{.python .numberLines}"),
    "braces with an option": fenced(PROGRAM, "python {linenos=true}"),
    "R Markdown's braces": fenced(PROGRAM, "{python}"),
    "MyST's directive": fenced(PROGRAM, "{code-block} python"),
    "a file name": fenced(PROGRAM, "python:main.py"),
    "only a file name": fenced(PROGRAM, "main.py"),
    "capitals": fenced(PROGRAM, "Python"),
    "py": fenced(PROGRAM, "py"),
    "python3": fenced(PROGRAM, "python3"),
    "python3.11": fenced(PROGRAM, "python3.11"),
    "ipython": fenced(PROGRAM, "ipython"),
    "a space before the name": fenced(PROGRAM, " python"),
    "spaces after the name": fenced(PROGRAM, "python  "),
    "no name": fenced(PROGRAM, ""),
    "a name that is no language": fenced(PROGRAM, "tool_code"),
    "indented": indented(PLAIN, "   "),
    "in a list": f"1. Dump it:\n\n{indented(PLAIN, '   ')}\n\n2. Done.",
    "behind a list mark": f"- {F}python\n{indented(PROGRAM, '  ')}\n  {F}",
    "in a quotation": "\n".join(f"> {line}" for line in PLAIN.split("\n")),
    "on the line of prose": f"Here it is: {PLAIN}",
    "code on the fence's line": f"{F}python import json\nprint(json.dumps({{'a': 1}}))\n{F}",
    "the fence closed behind the name": f"{F}python{F}\n{PROGRAM}\n{F}",
    "closed at the end of a line of code": f"{F}python\n{PROGRAM}{F}\nDone.",
    "cut off": f"Sure:\n\n{F}python\n{PROGRAM}",
    "cut off in the closing fence": f"{F}python\n{PROGRAM}\n``",
    "a closing fence alone": f"{PROGRAM}\n{F}",
    "a closing fence alone, then prose": f"{PROGRAM}\n{F}\nThis prints the mapping as text.",
    "prose, code, a closing fence": f"Here it is:\n\n{PROGRAM}\n{F}",
    "a code span in the prose": f"Use {F}json{F}, as here:\n{PLAIN}\nNote that {F}json{F} is in the library.",
    "its output after it": f"{PLAIN}\nOutput:\n{fenced(json.dumps({'a': 1}), '')}",
    "its output after it, named": f"{PLAIN}\n{fenced('a = 1', 'text')}",
    "its output after it, that parses": f"{PLAIN}\n\nThis prints:\n\n{fenced('a = 1', '')}",
    "its usage in a shell after it": f"{PLAIN}\nRun it:\n{fenced('python main.py', '')}",
    "a heading": f"### Code:\n{PLAIN}",
    "a bold heading": f"Sure!\n\n**Code:**\n\n{PLAIN}",
    "an example's heading": f"Load it.\n### Example code:\n{PROGRAM}",
    "escaped line breaks": f"Here it is:\n{F}python\\n{ESCAPED}\\n{F}",
    "a byte order mark": f"\ufeff{PLAIN}",
    "tabs": indented(PLAIN, "\t"),
    "a listed bold heading": f"1. **Code**:\n{PLAIN}",
    "its output in a fence of that name": f"{PLAIN}\n{fenced('a = 1', 'output')}",
    "two files": f"**main.py**\n{PLAIN}\n**requirements.txt**\n{fenced('orjson', '')}",
    "a fence of comments first": f"{fenced('# nothing to install')}\n{PLAIN}",
    "a next task after it": f"{PLAIN}\n###Instruction: Another\n###Output:\n{fenced(OTHER)}",
    "in an explanation's section": f"<<<explanation>>>: Do\n{SHELL}\n{PLAIN}",
    "in a section of code": f"<<<domain>>>: JSON\n<<<code>>>:\n{SHELL}\n{PLAIN}",
    "in a section of code, CRLF": f"<<<domain>>>: JSON\n<<<code>>>:\n{PLAIN}".replace("\n", "\r\n"),
    "the word Python that is left of a fence": f"python\n{PROGRAM}",
    "the word Python and a closing fence": f"python\n{PROGRAM}\n{F}",
}
JOINED = {
    "the second needs the first": f"{fenced(HALVES[0])}\nand then\n{fenced(HALVES[1])}",
    "the second has no name": f"{fenced(HALVES[0])}\nand then\n{fenced(HALVES[1], '')}",
    "the first needs the second, which only defines": f"Run\n{fenced(HALVES[1])}\nwith this:\n{fenced(HALVES[0])}",
    "an alternative after them": f"{fenced(HALVES[0])}\n{fenced(HALVES[1])}\nOr:\n{fenced(OTHER)}",
    "an alternative between them": f"{fenced(HALVES[0])}\n{fenced('x = 1')}\n{fenced(HALVES[1])}",
    "a whole program after its import": f"First\n{fenced(HALVES[0])}\nIn full:\n{PLAIN}",
    "a fragment before it": f"Call `dumps`:\n{fenced('text = json.dumps(value)')}\nIn full:\n{PLAIN}",
    "an alternative after it": f"{PLAIN}\nOr, shorter:\n{fenced(OTHER)}",
    "a damaged block before it": f"{fenced('json.dumps(obj, *, skipkeys=False, **kw')}\n{PLAIN}",
}

# Thoughts and turns

THOUGHTS = {
    "a thought with a draft": f"<think>\nA draft:\n{DRAFT}\n</think>\n\n{PLAIN}",
    "a thought without an opening tag": f"A draft:\n{DRAFT}\n</think>\n\n{PLAIN}",
    "two thoughts": f"<think>\n{DRAFT}\n</think>\nFirst.\n<think>\n{DRAFT}\n</think>\n{PLAIN}",
    "an empty thought": f"<think>\n\n</think>\n\n{PLAIN}",
    "a thought and bare code": f"<think>print(1)</think>{PROGRAM}",
    "another tag": f"<thinking>\n{DRAFT}\n</thinking>\n{PLAIN}",
    "square brackets": f"[THINK]{DRAFT}[/THINK]{PLAIN}",
    "Kimi's": f"◁think▷\n{DRAFT}\n◁/think▷\n{PLAIN}",
    "Sky-T1's": (
        f"<|begin_of_thought|>\n{DRAFT}\n<|end_of_thought|>\n<|begin_of_solution|>\n{PLAIN}\n<|end_of_solution|>"
    ),
    "gpt-oss's channels": (
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{PLAIN}"
    ),
    "gpt-oss's channels without special tokens": f"analysisThe user wants:\n{DRAFT}\nassistantfinal{PLAIN}",
    "Gemma's channel": f"<|channel>thought\n{DRAFT}\n<channel|>{PLAIN}",
    "Granite's words": f"Here is my thought process:\n{DRAFT}\nHere is my response:\n{PLAIN}",
    "an end of turn": f"{PROGRAM}<|im_end|>",
    "an end of text": f"{PLAIN}</s>",
    "a thought in a line": f"I think. </think> {PLAIN}",
    "a draft in sections": f"<think>\n<<<code>>>: draft()\n</think>\n<<<domain>>>: JSON\n<<<code>>>: {PROGRAM}",
}

# Other markers

MARKERS = {
    "code tags": f"<code>\n{PROGRAM}\n</code>",
    "code tags in a line": f"<code>{PROGRAM}</code>",
    "pre and code": f'<pre><code class="language-python">{html.escape(PROGRAM)}</code></pre>',
    "a fence in code tags": f"<code>\n{PLAIN}\n</code>",
    "a code tag that nothing closes": f"<code>\n{PROGRAM}",
    "python tags": f"<python>\n{PROGRAM}\n</python>",
    "an answer's tags": f"<answer>\n{PROGRAM}\n</answer>",
    "a fence in an answer's tags": f"<answer>\n{PLAIN}\n</answer>",
    "Code Llama's": f"[PYTHON]\n{PROGRAM}\n[/PYTHON]",
    "begin of code": f"<|begin_of_code|>\n{PROGRAM}\n<|end_of_code|>",
    "Llama's Python tag": f"<|python_tag|>{PROGRAM}<|eom_id|>",
    "DS-1000's": f"BEGIN SOLUTION\n<code>\n{PROGRAM}\n</code>\nEND SOLUTION",
    "solution comments": f"# SOLUTION START\n{PROGRAM}\n# SOLUTION END",
    "LaTeX": f"\\begin{{lstlisting}}[language=Python]\n{PROGRAM}\n\\end{{lstlisting}}",
    "pre alone": f"<p>Here:</p><pre>\n{html.escape(PROGRAM)}\n</pre>",
    "CDATA": f"<code><![CDATA[\n{PROGRAM}\n]]></code>",
    "YAML": f"explanation: It dumps.\ncode: |\n{indented(PROGRAM, '  ')}",
    "a session after prose": "As here:\n\n>>> import json\n>>> print(json.dumps({'a': 1}))\n{\"a\": 1}",
    "a section with a session": "<<<code>>>: >>> import json\n>>> print(json.dumps({'a': 1}))\n{\"a\": 1}",
    "quotes as a fence": f"'''python\n{PROGRAM}\n'''",
    "a JSON object": json.dumps({"code": PROGRAM}),
    "a JSON object with a fence": json.dumps({"explanation": "Dumps.", "answer": PLAIN}),
    "a JSON object of another key": json.dumps({"python_code": PROGRAM}, indent=1),
    "a fenced JSON object": fenced(json.dumps({"code": PROGRAM}), "json"),
    "a tool's call": json.dumps({"name": "python", "arguments": {"code": PROGRAM}}),
    "a call whose arguments are text": json.dumps({"name": "run", "arguments": json.dumps({"code": PROGRAM})}),
    "a tagged tool's call": f"<tool_call>\n{json.dumps({'name': 'py', 'arguments': {'code': PROGRAM}})}\n</tool_call>",
    "a notebook": json.dumps({"cells": [{"cell_type": "code", "source": ["import json\n", HALVES[1]]}]}),
    "a JSON string": json.dumps(PLAIN),
    "a session": ">>> import json\n>>> print(json.dumps({'a': 1}))\n{\"a\": 1}",
    "IPython's session": "In [1]: import json\n\nIn [2]: print(json.dumps({'a': 1}))\n{\"a\": 1}",
    "a dict with a foreign key": f"{{'domain': 'JSON', 'api_call': 'json.dumps(v)', 'api_provider_code': '{PROGRAM}'}}",
    "a dict with a program under a foreign key": f"{{'domain': 'JSON', 'api_provider_call': \"{PROGRAM}\"}}",
    "a dict with a capital": f"{{'Domain': 'JSON', 'Code': '{PROGRAM}'}}",
    "sections with a stray quote": f'<<<domain>>>: JSON\n<<<code>>>: {PROGRAM}"',
    "sections with escapes in the code": f"<<<domain>>>: JSON\n<<<code>>>: {ESCAPED}\\n\"",
}  # fmt: skip

# Nothing around it, by its first line

BARE = [
    PROGRAM,
    DEFINED,
    DOCSTRING,
    f"# Dump it\n{PROGRAM}",
    f"#!/usr/bin/env python\n{PROGRAM}",
    f'"""Dump it.\n\nOutput: {{"a": 1}}\n"""\n{PROGRAM}',
    "class Dumper:\n    def dump(self):\n        return 1\n\nprint(Dumper().dump())",
    "@staticmethod\ndef f():\n    return 1\nprint(f())",
    "async def f():\n    return 1\n",
    "x = 5\nprint(x)",
    "a, b = 1, 2\nprint(a + b)",
    "x: int = 5\nprint(x)",
    "total += 1",
    "with open('a') as file:\n    print(file.read())",
    "for i in range(3):\n    print(i)",
    "while True:\n    print(1)\n    break",
    "if True:\n    print(1)",
    "try:\n    print(1)\nexcept ValueError:\n    pass",
    "from json import dumps\nprint(dumps(1))",
    "print('hello')",
    "assert len('a') == 1",
    "import json\n\nprint(json.dumps('</think>'))\ntext = '<code>'",
    "import re\nprint(re.split('```', 'a```b'))",
    "import torch\n\nclass Net:\n    code: str = 'x'\n",
    BROKEN,
]
WITH_PROSE = {
    "a lead and a blank line": f"Here is the code:\n\n{PROGRAM}",
    "a lead": f"Here is the code:\n{PROGRAM}",
    "a sentence after it": f"{PROGRAM}\n\nThis prints the mapping as JSON.",
    "a sentence right after it": f"{PROGRAM}\nThis prints the mapping as JSON.",
    "prose on both sides": f"Sure!\n\n{PROGRAM}\n\nHope this helps",
    "its output after it": f'{PROGRAM}\n\nOutput: {{"a": 1}}',
    "its output after it, below a label": f'{PROGRAM}\n\nOutput:\n{{"a": 1}}',
    "a list after it": f"{PROGRAM}\n\n- `json` is imported.\n- The mapping is printed.",
    "a word after it": f"{PROGRAM}\n\nDone",
    "a heading before it": f"## Solution\n\nUse `json`.\n\n{PROGRAM}",
    "reStructuredText": f"Use it::\n\n{indented(PROGRAM, '    ')}\n\nDone.",
    "a directive": f".. code-block:: python\n\n{indented(PROGRAM, '    ')}",
}
NONE = [
    "",
    "Hello",
    "Yes",
    "x",
    "N/A",
    "None",
    "True",
    "42",
    "Note: none",
    "Yes (sure)",
    "this is it",
    "return home",
    "global warming",
    "not bad",
    "[1, 2, 3]",
    '{"a": 1}',
    '{"answer": "Use the json module."}',
    '{"status": "ok", "code": "200"}',
    '"A quoted sentence."',
    "# A heading",
    "# A heading\nYes",
    "if it works: great",
    "The function json.dumps turns a mapping into a text.",
    "Use `json.dumps` for that.",
    "Use json.dumps(value) for that.",
    "for example, json.dumps turns a mapping into a text",
    "from all of us, thanks",
    "Import the library, then call dumps.",
    "1. Import json.\n2. Call json.dumps on the mapping.",
    f"Run\n{SHELL}",
    f"It prints\n{fenced('Hello there', '')}",
    f"The answer:\n{fenced(json.dumps({'a': 1}), 'json')}",
    f"In C++:\n{fenced('int x = f(1);', 'cpp')}",
    f"Use {F}json{F} for that.",
    f"{F}\n{F}",
    "<think>\nprint(1)\n",
    f"<think>\n{PLAIN}",
    f"{DRAFT}\n</think>\n\nI cannot help with that.",
    "<code>json.dumps</code> turns it into a text.",
    "<<<domain>>>: JSON\n<<<api_call>>>: json.dumps(value)",
    f"It prints:\n{fenced('# a comment', '')}",
    "python",
    "Python is a language.",
    "{'domain': 'JSON', 'api_call': 'json.dumps(value)', 'api_provider': 'Python'}",
]

STAR = ("from math import *", "print(sqrt(4))")
SORTED = ("x = [3, 1]", "x = sorted(x)")
FUNCTIONS = ("def f():\n    return 1", "def g():\n    return 2")
THREE = ("import json", "data = 1", "print(json.dumps(data))")
FENCE_IN_STRING = 'x = """\n```\n"""\nprint(x)'
FIELD = "class A:\n    code: int = 1\nprint(A.code)"
KEYS = "x = {'code': 1, 'domain': 2}\nprint(x)"
TAG_IN_STRING = "x = '<code>a</code>'\nprint(x)"
TESTED = ("def f():\n    return 1", "assert f() == 1")
SCATTERED = ("def dump(v):\n    return json.dumps(v)", "import json", "print(dump(1))")
LOOP = "for i in range(2):\n    print(i)\n\ni"
LOOP_SESSION = ">>> for i in range(2):\n...     print(i)\n...\n0\n1\n>>> i\n1"
MORE = {
    "blocks: a third needs both before it": ("\n".join(map(fenced, THREE)), "\n".join(THREE)),
    "blocks: the second changes a name of the first": ("\n".join(map(fenced, SORTED)), "\n".join(SORTED)),
    "blocks: a star import is needed": ("\n".join(map(fenced, STAR)), "\n".join(STAR)),
    "blocks: functions that stand alone": ("\n".join(map(fenced, FUNCTIONS)), FUNCTIONS[0]),
    "fence: damaged code": (fenced(BROKEN), BROKEN),
    "fence: damaged code, no name": (fenced(BROKEN, ""), BROKEN),
    "fence: Python 2": (fenced("print 'a'"), "print 'a'"),
    "fence: a fence in a docstring": (f"Sure:\n\n{fenced(DOCSTRING)}\n\nDone.", DOCSTRING),
    "fence: a fence in a docstring, no name": (fenced(DOCSTRING, ""), DOCSTRING),
    "fence: a fence in a string": (fenced(FENCE_IN_STRING), FENCE_IN_STRING),
    "fence: a field named code": (fenced(FIELD), FIELD),
    "fence: a session with a loop": (fenced(LOOP_SESSION), LOOP),
    "fence: a dict with sections' keys": (fenced(KEYS), KEYS),
    "bare: a dict with sections' keys": (KEYS, KEYS),
    "prose: a dict with sections' keys": (f"Here is it:\n\n{KEYS}", KEYS),
    "marker: damaged code in tags": (f"<code>\n{BROKEN}\n</code>", BROKEN),
    "fence: a fence in a docstring of damaged code": (fenced(f"{DOCSTRING}\n{BROKEN}"), f"{DOCSTRING}\n{BROKEN}"),
    "fence: a fence in a docstring, cut off": (f"{F}python\n{DOCSTRING}", DOCSTRING),
    "fence: a fence in a docstring, tildes": (fenced(DOCSTRING, fence="~~~"), DOCSTRING),
    "prose: a fence in a docstring": (f"Here is it:\n\n{DOCSTRING}\n\nThis prints 1.", DOCSTRING),
    "bare: a fence in a docstring, then prose": (f"{DOCSTRING}\n\nThis prints 1.", DOCSTRING),
    "blocks: the test of a function": ("\n".join(map(fenced, TESTED)), "\n".join(TESTED)),
    "blocks: definitions out of order": ("\n".join(map(fenced, SCATTERED)), "\n".join(SCATTERED[n] for n in (1, 0, 2))),
    "marker: tags in a string": (TAG_IN_STRING, TAG_IN_STRING),
}
DRESSES = {"fence": FENCES, "blocks": JOINED, "thought": THOUGHTS, "marker": MARKERS, "prose": WITH_PROSE}
HOLDS = {f"{kind}: {name}": (text, PROGRAM) for kind, dresses in DRESSES.items() for name, text in dresses.items()}
HOLDS |= {f"bare: {number}": (code, code.strip()) for number, code in enumerate(BARE)} | MORE
"""By name of the dress, a text and the code that it holds."""
