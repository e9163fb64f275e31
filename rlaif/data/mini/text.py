"""Text: templates, wrapping, comparison, characters, streams."""

from __future__ import annotations

import difflib
from random import Random

from rlaif.data.mini.task import Task, Values
from rlaif.data.mini.values import COLORS, FIELDS, THINGS, listing, things, value_of, words

GREEK = words(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa mu nu xi omicron pi rho sigma tau upsilon phi "
    "chi psi omega"
)
SYMBOLS = (
    *("EURO SIGN", "POUND SIGN", "YEN SIGN", "DEGREE SIGN", "COPYRIGHT SIGN", "SECTION SIGN", "PILCROW SIGN"),
    *("INFINITY", "SNOWMAN", "BLACK STAR", "WHITE STAR", "CHECK MARK", "MULTIPLICATION SIGN", "INTEGRAL"),
    *("RIGHTWARDS ARROW", "LEFTWARDS ARROW", "UPWARDS ARROW", "BLACK HEART SUIT", "UMBRELLA", "ANCHOR"),
)


def letter_template(random: Random) -> Values:
    first, second = random.sample(FIELDS, 2)
    pattern = random.choice(
        ("The ${} is now ${}.", "${} for ${}", "Please send ${} to ${}.", "${}, not ${}", "From ${} to ${}")
    )
    data = {field: value_of(field, random) for field in (first, second)}
    return {
        "template": pattern.format(first, second),
        "keywords": ", ".join(f"{field}={value!r}" for field, value in data.items()),
        "shown": listing([f"{field} {value}" for field, value in data.items()]),
    }


def words_to_wrap(random: Random) -> Values:
    words = things(random, 4, 5)
    return {"text": " ".join(words), "width": random.randint(10, 24), "word": random.choice(words)}


def misspelt(random: Random) -> Values:
    words = things(random, 4, 4)
    right = random.choice([word for word in words if len(word) > 4] or words)
    cut = random.randrange(1, len(right))
    wrong = right[:cut] + right[cut + 1 :] if random.random() < 0.5 else right[:cut] + right[cut - 1] + right[cut:]
    if not difflib.get_close_matches(wrong, words):
        wrong = right + right[-1]
    return {"wrong": wrong, "words": words}


def two_words(random: Random) -> Values:
    first, second = random.sample([*THINGS, *COLORS], 2)
    return {"first": first, "second": second}


def character(random: Random) -> Values:
    if random.random() < 0.6:
        size = random.choice(("small", "capital"))
        letter = random.choice(GREEK)
        return {"name": f"GREEK {size} LETTER {letter}".upper(), "count": random.randint(2, 20)}
    return {"name": random.choice(SYMBOLS), "count": random.randint(2, 20)}


def stream_lines(random: Random) -> Values:
    item = random.choice(THINGS)
    counts = random.sample(range(2, 99), 2)
    return {"text": f"{item}\n{counts[0]}\n{counts[1]}\n", "shown": f"{item}, {counts[0]}, {counts[1]}"}


TASKS = (
    Task(
        api="string.Template(template)",
        domain="Text templates",
        explanation="Fills the placeholders of a template.",
        draw=letter_template,
        call="string.Template({template!r})",
        code=(
            "import string",
            "template = string.Template({template!r})",
            "print(template.substitute({keywords}))",
        ),
        train=(
            "Fill the template {template!r} with {shown}.",
            "Substitute {shown} in the template {template!r}.",
            "Complete {template!r} with {shown}.",
            "In the text template {template!r}, put in {shown}.",
        ),
        heldout=(
            "Use {shown} to fill in the template {template!r}.",
            "Put {shown} into the placeholders of {template!r}.",
        ),
    ),
    Task(
        api="textwrap.wrap(text, width=70)",
        domain="Text templates",
        explanation="Wraps the text and finds the line of a word.",
        draw=words_to_wrap,
        call="textwrap.wrap({text!r}, width={width})",
        code=(
            "import textwrap",
            "lines = textwrap.wrap({text!r}, width={width})",
            "print([line for line in lines if {word!r} in line.split()][0])",
        ),
        train=(
            "Wrap '{text}' at {width} columns and print the line with {word}.",
            "Break '{text}' into lines of {width}; which one has {word}?",
            "At a width of {width}, which line of '{text}' holds {word}?",
            "Wrap the text '{text}' to {width} and find {word}.",
        ),
        heldout=(
            "Fold '{text}' into lines of at most {width} and show the one with {word}.",
            "Wrapped at {width} characters, where in '{text}' is {word}?",
        ),
    ),
    Task(
        api="difflib.get_close_matches(word, possibilities)",
        domain="Text",
        explanation="Finds the word that is closest to a misspelt one.",
        draw=misspelt,
        call="difflib.get_close_matches({wrong!r}, {words!r})",
        code=(
            "import difflib",
            "words = {words!r}",
            "close = difflib.get_close_matches({wrong!r}, words)",
            "print(close[0])",
        ),
        train=(
            "Which of {words} is meant by {wrong}?",
            "Correct the spelling of {wrong} with the words {words}.",
            "Find the closest match for {wrong} in {words}.",
            "Someone typed {wrong}. Which of {words} is it?",
        ),
        heldout=(
            "Guess which word of {words} the typo {wrong} stands for.",
            "What is the nearest word to {wrong} among {words}?",
        ),
    ),
    Task(
        api="difflib.SequenceMatcher(isjunk, a, b)",
        domain="Text",
        explanation="Measures how similar two words are.",
        draw=two_words,
        call="difflib.SequenceMatcher(None, {first!r}, {second!r})",
        code=(
            "import difflib",
            "matcher = difflib.SequenceMatcher(None, {first!r}, {second!r})",
            "print(round(matcher.ratio(), 3))",
        ),
        train=(
            "How similar are the words {first} and {second}?",
            "Compute the similarity of {first} and {second}.",
            "Compare {first} with {second} and print the ratio.",
            "Give a similarity ratio for {first} and {second}.",
        ),
        heldout=(
            "Measure the similarity between {first} and {second}.",
            "To what degree do {first} and {second} match?",
        ),
    ),
    Task(
        api="unicodedata.lookup(name)",
        domain="Text",
        explanation="Looks a character up by its Unicode name and repeats it.",
        draw=character,
        call="unicodedata.lookup({name!r})",
        code=(
            "import unicodedata",
            "character = unicodedata.lookup({name!r})",
            "print(character * {count})",
        ),
        train=(
            "Print the Unicode character {name} {count} times.",
            "Repeat the character {name} {count} times.",
            "Write {count} times the character called {name}.",
            "Show a row of {count} characters {name}.",
        ),
        heldout=(
            "Draw the character {name} {count} times in a row.",
            "Look up the Unicode name {name} and print it {count} times.",
        ),
    ),
    Task(
        api="io.StringIO(initial_value)",
        domain="Text",
        explanation="Reads a title line and adds the numbers below.",
        draw=stream_lines,
        call="io.StringIO({text!r})",
        code=(
            "import io",
            "stream = io.StringIO({text!r})",
            "title = stream.readline().strip()",
            "print(title, sum(int(line) for line in stream))",
        ),
        train=(
            "Read the lines {shown} from a text stream; sum the numbers after the title.",
            "A stream has the lines {shown}. Print the title and the total.",
            "Treat {shown} as lines of a text stream and add its numbers.",
            "Put the lines {shown} into a stream and sum what follows the title.",
        ),
        heldout=(
            "From a text stream with the lines {shown}, print title and sum.",
            "Stream the lines {shown}: first the title, then add up the rest.",
        ),
    ),
)
