"""Iteration and functions as values."""

from __future__ import annotations

import itertools
from random import Random

from rlaif.data.mini.task import Task, Values
from rlaif.data.mini.values import COLORS, NUMBER_FIELDS, PEOPLE, TEAMS, THINGS, listing, record

BASES = {2: "binary", 8: "octal", 16: "hexadecimal", 3: "ternary"}
DIGITS = "0123456789abcdef"


def pair_of_people(random: Random) -> Values:
    people = random.sample(PEOPLE, random.randint(3, 4))
    pair = random.choice(list(itertools.combinations(people, 2)))
    return {"people": people, "shown": listing(people), "pair": pair, "a": pair[0], "b": pair[1]}


def two_pools(random: Random) -> Values:
    colors, items = random.sample(COLORS, 2), random.sample(THINGS, 2)
    return {"colors": colors, "items": items, "color": random.choice(colors), "item": random.choice(items)}


def row_product(random: Random) -> Values:
    fields = random.sample(NUMBER_FIELDS, 3)
    row = {field: random.randint(2, 30) for field in fields}
    first, second = random.sample(fields, 2)
    return {"row": row, "first": first, "second": second}


def digits_of_base(random: Random) -> Values:
    base = random.choice(list(BASES))
    texts = ["".join(random.choice(DIGITS[:base]) for _ in range(random.randint(2, 4))) for _ in range(2)]
    return {"base": base, "kind": BASES[base], "texts": texts, "shown": " and ".join(texts)}


def record_pick(random: Random) -> Values:
    data = record(random, 3)
    first, second = random.sample(list(data), 2)
    return {"data": data, "first": first, "second": second}


def grouped_words(random: Random) -> Values:
    words = sorted(random.sample([*THINGS, *(team.lower() for team in TEAMS)], 4))
    return {"words": words, "letter": random.choice(words)[0]}


TASKS = (
    Task(
        api="itertools.combinations(iterable, r)",
        domain="Iteration",
        explanation="Lists all pairs and finds the position of one.",
        draw=pair_of_people,
        call="itertools.combinations({people!r}, 2)",
        code=(
            "import itertools",
            "people = {people!r}",
            "pairs = list(itertools.combinations(people, 2))",
            "print(pairs.index({pair!r}))",
        ),
        train=(
            "List all pairs of {shown} and find the pair {a} and {b}.",
            "Which number has the pair {a} and {b} among the pairs of {shown}?",
            "Pair up {shown} and print the index of {a} with {b}.",
            "Form every pair of {shown}. Where is {a} with {b}?",
        ),
        heldout=(
            "Among all pairs out of {shown}, locate {a} and {b}.",
            "Make the pairs of {shown} and tell where {a} and {b} come.",
        ),
    ),
    Task(
        api="itertools.product(*iterables)",
        domain="Iteration",
        explanation="Combines the two lists and removes one combination.",
        draw=two_pools,
        call="itertools.product({colors!r}, {items!r})",
        code=(
            "import itertools",
            "pairs = list(itertools.product({colors!r}, {items!r}))",
            "pairs.remove(({color!r}, {item!r}))",
            "print(pairs)",
        ),
        train=(
            "Combine {colors} with {items}, but leave out {color} {item}.",
            "All combinations of {colors} and {items} except {color} with {item}.",
            "Cross {colors} with {items} and remove the {color} {item}.",
            "Pair each of {colors} with each of {items}, without {color} {item}.",
        ),
        heldout=(
            "Build every combination of {colors} and {items} other than {color} {item}.",
            "Match {colors} with {items} in all ways, then drop {color} {item}.",
        ),
    ),
    Task(
        api="itertools.groupby(iterable, key=None)",
        domain="Iteration",
        explanation="Groups sorted words by first letter and shows one group.",
        draw=grouped_words,
        call="itertools.groupby({words!r}, key=lambda word: word[0])",
        code=(
            "import itertools",
            "words = {words!r}",
            "pairs = itertools.groupby(words, key=lambda word: word[0])",
            "groups = {{letter: list(group) for letter, group in pairs}}",
            "print(groups[{letter!r}])",
        ),
        train=(
            "Group {words} by first letter and print the group {letter}.",
            "Which of {words} begin with {letter}? Group them by letter.",
            "Sort {words} into groups by initial; show {letter}.",
            "Make groups of {words} by first letter and look up {letter}.",
        ),
        heldout=(
            "Put {words} into groups by their first letter and show {letter}.",
            "Group the words {words} by initial letter, then print {letter}.",
        ),
    ),
    Task(
        api="functools.reduce(function, iterable)",
        domain="Functions",
        explanation="Multiplies two fields of the record.",
        draw=row_product,
        call="functools.reduce(lambda a, b: a * b, [{row!r}[key] for key in ({first!r}, {second!r})])",
        code=(
            "import functools",
            "row = {row!r}",
            "values = [row[key] for key in ({first!r}, {second!r})]",
            "print(functools.reduce(lambda a, b: a * b, values))",
        ),
        train=(
            "Multiply {first} and {second} of {row}.",
            "What is the product of {first} and {second} in {row}?",
            "Reduce the fields {first} and {second} of {row} to their product.",
            "From {row}, compute {first} times {second}.",
        ),
        heldout=(
            "In {row}, how much is {first} multiplied by {second}?",
            "Take {row} and print the product of its {first} and {second}.",
        ),
    ),
    Task(
        api="functools.partial(func, **keywords)",
        domain="Functions",
        explanation="Fixes the base of int and converts both numbers.",
        draw=digits_of_base,
        call="functools.partial(int, base={base})",
        code=(
            "import functools",
            "read = functools.partial(int, base={base})",
            "values = [read(text) for text in {texts!r}]",
            "print(values, sum(values))",
        ),
        train=(
            "Add the {kind} numbers {shown}.",
            "Convert the {kind} numbers {shown} to decimal and sum them.",
            "Read {shown} as {kind} numbers and print their sum.",
            "What do the {kind} numbers {shown} add up to?",
        ),
        heldout=(
            "Sum up {shown}, which are {kind} numbers.",
            "Interpret {shown} as {kind} and give the total.",
        ),
    ),
    Task(
        api="operator.itemgetter(*items)",
        domain="Functions",
        explanation="Makes a getter for two keys and applies it.",
        draw=record_pick,
        call="operator.itemgetter({first!r}, {second!r})",
        code=(
            "import operator",
            "data = {data!r}",
            "pick = operator.itemgetter({first!r}, {second!r})",
            "print(pick(data))",
        ),
        train=(
            "Pick {first} and {second} out of {data}.",
            "Make a getter for {first} and {second} and apply it to {data}.",
            "Get {first} and {second} of {data} at once.",
            "From the record {data}, take {first} and {second}.",
        ),
        heldout=(
            "Use one getter to fetch {first} and {second} from {data}.",
            "Select the items {first} and {second} of {data}.",
        ),
    ),
)
