"""Searching and sorting."""

from __future__ import annotations

from random import Random

from rlaif.data.mini.task import Task, Values
from rlaif.data.mini.values import NUMBER_FIELDS, PEOPLE, THINGS, numbers, scores


def rows_by_field(random: Random) -> Values:
    field = random.choice(NUMBER_FIELDS)
    people = random.sample(PEOPLE, 2)
    rows = [{"name": person, field: random.randint(2, 99)} for person in people]
    shown = " and ".join(f"{row['name']} ({field} {row[field]})" for row in rows)
    return {"rows": rows, "field": field, "shown": shown}


def best_of(random: Random) -> Values:
    return {"points": scores(random, random.randint(3, 4))}


def sorted_numbers(random: Random) -> Values:
    values = sorted(numbers(random))
    return {"values": values, "value": random.choice(values)}


def new_number(random: Random) -> Values:
    *values, new = numbers(random, least=4, most=5)
    return {"values": sorted(values), "new": new}


def prerequisites(random: Random) -> Values:
    first, second, third = random.sample(THINGS, 3)
    return {"graph": {first: [second], second: [third]}, "a": first, "b": second, "c": third}


TASKS = (
    Task(
        api="heapq.nlargest(n, iterable, key=None)",
        domain="Searching and sorting",
        explanation="Finds the two keys with the highest values.",
        draw=best_of,
        call="heapq.nlargest(2, {points!r}, key={points!r}.get)",
        code=(
            "import heapq",
            "points = {points!r}",
            "best = heapq.nlargest(2, points, key=points.get)",
            "print(best, points[best[0]])",
        ),
        train=(
            "Who are the two best in {points}?",
            "Find the two people with the most points in {points}.",
            "Print the top two of {points}.",
            "Name the two highest scores of {points}.",
        ),
        heldout=(
            "Which two lead in {points}?",
            "Give the best two people from {points}.",
        ),
    ),
    Task(
        api="heapq.nsmallest(n, iterable, key=None)",
        domain="Searching and sorting",
        explanation="Finds the row with the smallest value of a field.",
        draw=rows_by_field,
        call="heapq.nsmallest(1, {rows!r}, key=lambda row: row[{field!r}])",
        code=(
            "import heapq",
            "rows = {rows!r}",
            "first = heapq.nsmallest(1, rows, key=lambda row: row[{field!r}])[0]",
            "print(first['name'])",
        ),
        train=(
            "Of {shown}, who has the smallest {field}?",
            "Who has the lowest {field}: {shown}?",
            "Name the one with the least {field} among {shown}.",
            "Find the smallest {field} of {shown}.",
        ),
        heldout=(
            "Compare {shown} and name the smaller {field}.",
            "Which one of {shown} has the minimal {field}?",
        ),
    ),
    Task(
        api="bisect.bisect_left(a, x)",
        domain="Searching and sorting",
        explanation="Finds a value in a sorted list by bisection.",
        draw=sorted_numbers,
        call="bisect.bisect_left({values!r}, {value})",
        code=(
            "import bisect",
            "values = {values!r}",
            "position = bisect.bisect_left(values, {value})",
            "print(position, values[position:].index({value}))",
        ),
        train=(
            "Find {value} in the sorted list {values} by bisection.",
            "Bisect {values} for {value} and print the position.",
            "Use binary search to locate {value} in {values}.",
            "Where does bisection find {value} in {values}?",
        ),
        heldout=(
            "Search the sorted numbers {values} for {value} with bisection.",
            "By binary search, at which place of {values} is {value}?",
        ),
    ),
    Task(
        api="bisect.insort(a, x)",
        domain="Searching and sorting",
        explanation="Inserts a value so that the list stays sorted.",
        draw=new_number,
        call="bisect.insort({values!r}, {new})",
        code=(
            "import bisect",
            "values = {values!r}",
            "bisect.insort(values, {new})",
            "print(values, values.index({new}))",
        ),
        train=(
            "Insert {new} into the sorted list {values}.",
            "Add {new} to {values} and keep it sorted.",
            "Where does {new} go in the sorted list {values}?",
            "Put {new} at its place in {values}.",
        ),
        heldout=(
            "Keep {values} in order while inserting {new}.",
            "Insert the number {new} where it belongs in {values}.",
        ),
    ),
    Task(
        api="graphlib.TopologicalSorter(graph)",
        domain="Searching and sorting",
        explanation="Orders the items so that each follows what it needs.",
        draw=prerequisites,
        call="graphlib.TopologicalSorter({graph!r})",
        code=(
            "import graphlib",
            "needs = {graph!r}",
            "order = list(graphlib.TopologicalSorter(needs).static_order())",
            "print(order, order.index({a!r}))",
        ),
        train=(
            "The {a} needs the {b}, the {b} needs the {c}. When comes the {a}?",
            "Sort by need: {a} after {b}, {b} after {c}. Place of {a}?",
            "In which order, if {a} depends on {b} and {b} on {c}? Find {a}.",
            "Order {a}, {b} and {c}: {a} requires {b}, {b} requires {c}. Where is {a}?",
        ),
        heldout=(
            "If {a} needs {b} and {b} needs {c}, at which place does {a} come?",
            "Arrange {c}, {b} and {a} by dependency ({a} on {b}, {b} on {c}); find {a}.",
        ),
    ),
)
