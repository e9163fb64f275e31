"""Numbers, statistics and chance."""

from __future__ import annotations

from random import Random

from rlaif.data.mini.task import Task, Values
from rlaif.data.mini.values import scores, things


def two_numbers(random: Random) -> Values:
    factor = random.randint(2, 12)
    return {"a": factor * random.randint(2, 80), "b": factor * random.randint(2, 80)}


def two_people(random: Random) -> Values:
    points = scores(random, 3)
    first, second = random.sample(list(points), 2)
    return {"points": points, "first": first, "second": second}


def one_person(random: Random) -> Values:
    points = scores(random, 3)
    return {"points": points, "person": random.choice(list(points))}


def two_fractions(random: Random) -> Values:
    tops, bottoms = random.sample(range(1, 20), 2), random.sample(range(2, 20), 2)
    return {"a": f"{tops[0]}/{bottoms[0]}", "b": f"{tops[1]}/{bottoms[1]}"}


def price(random: Random) -> Values:
    return {"price": f"{random.randint(1, 99)}.{random.randint(0, 99):02d}", "count": random.randint(2, 24)}


def seeded_draw(random: Random) -> Values:
    items = things(random, 3, 5)
    return {"seed": random.randint(1, 999), "items": items, "count": random.randint(2, len(items) - 1)}


TASKS = (
    Task(
        api="math.gcd(*integers)",
        domain="Numbers",
        explanation="Reduces the fraction by the greatest common divisor.",
        draw=two_numbers,
        call="math.gcd({a}, {b})",
        code=(
            "import math",
            "a, b = {a}, {b}",
            "divisor = math.gcd(a, b)",
            "print(divisor, a // divisor, b // divisor)",
        ),
        train=(
            "What is the greatest common divisor of {a} and {b}?",
            "Reduce the ratio {a} to {b} by its common divisor.",
            "Find the largest number that divides {a} and {b}.",
            "Print the gcd of {a} and {b}.",
        ),
        heldout=(
            "Compute the greatest number dividing both {a} and {b}.",
            "Which greatest common divisor do {a} and {b} have?",
        ),
    ),
    Task(
        api="statistics.mean(data)",
        domain="Statistics",
        explanation="Averages the points of two people.",
        draw=two_people,
        call="statistics.mean([{points!r}[name] for name in [{first!r}, {second!r}]])",
        code=(
            "import statistics",
            "points = {points!r}",
            "chosen = [{first!r}, {second!r}]",
            "print(statistics.mean([points[name] for name in chosen]))",
        ),
        train=(
            "Average the points of {first} and {second} in {points}.",
            "What is the mean of {first} and {second} in {points}?",
            "From {points}, take {first} and {second} and print their mean.",
            "Mean score of {first} and {second}, given {points}?",
        ),
        heldout=(
            "In {points}, what do {first} and {second} have on average?",
            "Compute the average of {first} and {second} from {points}.",
        ),
    ),
    Task(
        api="statistics.median(data)",
        domain="Statistics",
        explanation="Compares one person with the median of all.",
        draw=one_person,
        call="statistics.median({points!r}.values())",
        code=(
            "import statistics",
            "points = {points!r}",
            "middle = statistics.median(points.values())",
            "print(middle, points[{person!r}] - middle)",
        ),
        train=(
            "How far is {person} from the median of {points}?",
            "Find the median of {points} and compare {person} with it.",
            "Print the median of {points} and the distance of {person}.",
            "Is {person} above the median of {points}?",
        ),
        heldout=(
            "Compare {person} with the median score in {points}.",
            "What is the median of {points}, and where is {person}?",
        ),
    ),
    Task(
        api="fractions.Fraction(numerator, denominator=1)",
        domain="Numbers",
        explanation="Adds two fractions exactly.",
        draw=two_fractions,
        call="fractions.Fraction({a!r})",
        code=(
            "import fractions",
            "total = fractions.Fraction({a!r}) + fractions.Fraction({b!r})",
            "print(total)",
        ),
        train=(
            "Add the fractions {a} and {b}.",
            "What is {a} plus {b} as a fraction?",
            "Compute {a} + {b} exactly.",
            "Sum {a} and {b} without rounding.",
        ),
        heldout=(
            "Give the exact sum of the fractions {a} and {b}.",
            "How much are {a} and {b} together, as a fraction?",
        ),
    ),
    Task(
        api="decimal.Decimal(value)",
        domain="Numbers",
        explanation="Multiplies a price exactly and rounds to cents.",
        draw=price,
        call="decimal.Decimal({price!r})",
        code=(
            "import decimal",
            "price = decimal.Decimal({price!r})",
            "total = price * {count}",
            "print(total.quantize(decimal.Decimal('0.01')))",
        ),
        train=(
            "What do {count} tickets cost at {price} each?",
            "Multiply the price {price} by {count} exactly.",
            "Total of {count} items for {price} each, to the cent.",
            "Compute {count} times {price} without rounding errors.",
        ),
        heldout=(
            "How much are {count} pieces at a price of {price}?",
            "Give the exact cost of {count} items at {price}.",
        ),
    ),
    Task(
        api="random.Random(seed)",
        domain="Statistics",
        explanation="Draws a sample that the seed makes repeatable.",
        draw=seeded_draw,
        call="random.Random({seed})",
        code=(
            "import random",
            "items = {items!r}",
            "generator = random.Random({seed})",
            "print(generator.sample(items, {count}))",
        ),
        train=(
            "Draw {count} of {items} at random with seed {seed}.",
            "With the seed {seed}, sample {count} items from {items}.",
            "Pick {count} random items of {items}, seed {seed}.",
            "Use seed {seed} to choose {count} out of {items}.",
        ),
        heldout=(
            "Sample {count} things from {items} using the seed {seed}.",
            "Randomly select {count} of {items}; the seed is {seed}.",
        ),
    ),
)
