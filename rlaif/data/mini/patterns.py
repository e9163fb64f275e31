"""Text patterns."""

from __future__ import annotations

from random import Random

from rlaif.data.mini.task import Task, Values
from rlaif.data.mini.values import CITIES, FIELDS, PEOPLE, THINGS, value_of


def numbers_in_text(random: Random) -> Values:
    first, second = random.sample(THINGS, 2)
    counts = random.sample(range(2, 99), 2)
    text = f"{counts[0]} x {first}, {counts[1]} x {second}"
    return {"text": text, "item": random.choice((first, second))}


def swap_names(random: Random) -> Values:
    return {"text": f"{random.choice(PEOPLE)} {random.choice(CITIES)}", "mark": random.choice((", ", "-", "/", " & "))}


def assignment(random: Random) -> Values:
    field = random.choice(FIELDS)
    sign = random.choice((":", "=", " is ", " -> "))
    name, value = random.sample(("key", "field", "label", "value", "content", "entry"), 2)
    return {"text": f"{field}{sign}{value_of(field, random)}", "sign": sign, "a": name, "b": value}


def separated(random: Random) -> Values:
    marks = random.choice((";,", "|;", "/-", ":|", "+,", "/;"))
    words = random.sample(PEOPLE, 3)
    return {"text": f"{words[0]}{marks[0]}{words[1]}{marks[1]}{words[2]}", "marks": marks, "word": random.choice(words)}


TASKS = (
    Task(
        api="re.findall(pattern, string)",
        domain="Text patterns",
        explanation="Finds counts with their items and looks one up.",
        draw=numbers_in_text,
        call=r"re.findall(r'(\d+) x (\w+)', {text!r})",
        code=(
            "import re",
            "text = {text!r}",
            r"counts = {{item: int(count) for count, item in re.findall(r'(\d+) x (\w+)', text)}}",
            "print(counts[{item!r}])",
        ),
        train=(
            "Find all counts in the text {text} and print that of {item}.",
            "How many of {item} does the text {text} name?",
            "Extract the numbers with their items from {text}; show {item}.",
            "Search {text} for counts and look up {item}.",
        ),
        heldout=(
            "Collect the counts in {text} and give the one for {item}.",
            "The text says {text}. Find the number for {item}.",
        ),
    ),
    Task(
        api="re.sub(pattern, repl, string)",
        domain="Text patterns",
        explanation="Swaps the two words by a pattern with groups.",
        draw=swap_names,
        call=r"re.sub(r'(\w+) (\w+)', r'\2{mark}\1', {text!r})",
        code=(
            "import re",
            "text = {text!r}",
            r"print(re.sub(r'(\w+) (\w+)', r'\2{mark}\1', text))",
        ),
        train=(
            "Swap the two words of {text} and put {mark!r} between them.",
            "Rewrite {text} with the words swapped, joined by {mark!r}.",
            "Exchange both words of {text} by a pattern, with {mark!r} in between.",
            "Turn {text} around, separated by {mark!r}.",
        ),
        heldout=(
            "Reverse the two words in {text} and join them with {mark!r}.",
            "With a pattern, swap {text} and separate the words by {mark!r}.",
        ),
    ),
    Task(
        api="re.match(pattern, string)",
        domain="Text patterns",
        explanation="Matches named groups and prints both.",
        draw=assignment,
        call=r"re.match(r'(?P<{a}>\w+){sign}(?P<{b}>\w+)', {text!r})",
        code=(
            "import re",
            r"found = re.match(r'(?P<{a}>\w+){sign}(?P<{b}>\w+)', {text!r})",
            "print(found.group({a!r}), found.group({b!r}))",
        ),
        train=(
            "Match {text!r} with the named groups {a} and {b}.",
            "Take {text!r} apart into the groups {a} and {b}.",
            "Use a pattern to name the parts of {text!r} {a} and {b}.",
            "Read {a} and {b} from {text!r} by a pattern.",
        ),
        heldout=(
            "Split {text!r} by a pattern with the groups {a} and {b}.",
            "Find the parts {a} and {b} of {text!r} with named groups.",
        ),
    ),
    Task(
        api="re.split(pattern, string)",
        domain="Text patterns",
        explanation="Splits the text at either mark and finds a word.",
        draw=separated,
        call="re.split('[{marks}]', {text!r})",
        code=(
            "import re",
            "parts = re.split('[{marks}]', {text!r})",
            "print(parts, parts.index({word!r}))",
        ),
        train=(
            "Split {text} at {marks[0]} and {marks[1]} and find {word}.",
            "Separate {text} by {marks[0]} or {marks[1]}; where is {word}?",
            "Cut {text} at every {marks[0]} or {marks[1]} and locate {word}.",
            "Which part is {word} if {text} is split at {marks[0]} and {marks[1]}?",
        ),
        heldout=(
            "Break {text} at {marks[0]} and {marks[1]} and give the index of {word}.",
            "Divide {text} at each {marks[0]} or {marks[1]} and look for {word}.",
        ),
    ),
)
