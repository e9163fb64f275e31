"""The pools that concrete values are drawn from."""

from __future__ import annotations

from random import Random


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PEOPLE = words(
    "Ada Alma Amir Anna Ben Bo Carl Cleo Dana Diego Ella Emil Eva Farid Finn Gita Hugo Ida Ines Ivan "
    "Jack Jana Juan Kai Karin Lena Leo Lina Luca Maja Marco Mina Nadia Nils Noor Olga Omar Oscar "
    "Paul Pia Rita Rosa Sam Sara Simon Tara Theo Tomas Uma Vera Viktor Wanda Will Yara Yusuf Zoe"
)

CITIES = words(
    "Accra Athens Bergen Berlin Bogota Boston Cairo Cork Delhi Dublin Geneva Ghent Hanoi Havana Kyiv "
    "Lagos Lima Lisbon London Lyon Madrid Malmo Milan Nairobi Oslo Paris Porto Prague Quito Riga "
    "Rome Seoul Sofia Tokyo Tunis Turin Vienna Warsaw Zagreb Zurich"
)

THINGS = words(
    "apple anchor basket bell boat book bottle bread brick bridge broom brush bucket button cable "
    "camera candle carpet chair clock cloud coat coffee comb cup desk door drum fence flag flute "
    "fork garden glass glove guitar hammer hat honey jacket kettle key kite knife ladder lamp lemon "
    "letter map mirror needle onion oven paper pear pencil piano pillow plate pocket radio ring "
    "river rope saddle salt shelf shirt shoe spoon stamp stone stove sugar table tent ticket towel "
    "tower train violin wagon wallet window"
)

COLORS = words(
    "amber black blue bronze brown coral gold gray green ivory lime olive orange pink purple red silver white"
)

TEAMS = words("Badgers Comets Eagles Falcons Foxes Hawks Herons Lions Otters Owls Pumas Ravens Sharks Tigers Wolves")

NAME_FIELDS = ("name", "owner", "author", "player", "teacher", "guest", "driver", "client")
PLACE_FIELDS = ("city", "origin", "target", "venue", "office", "harbor")
THING_FIELDS = ("item", "product", "label", "tool", "gift", "topic")
COLOR_FIELDS = ("color", "paint", "cover", "stripe")
NUMBER_FIELDS = (
    *("age", "year", "score", "floor", "stock", "weight", "height", "width", "depth", "speed", "points"),
    *("count", "level", "rank", "size", "seats", "pages", "hours", "limit", "port", "total", "price"),
)
FIELDS = (*NAME_FIELDS, *PLACE_FIELDS, *THING_FIELDS, *COLOR_FIELDS, *NUMBER_FIELDS)

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def value_of(field: str, random: Random) -> str | int:
    """A value that fits a field of `FIELDS`."""
    for fields, pool in (
        (NAME_FIELDS, PEOPLE),
        (PLACE_FIELDS, CITIES),
        (THING_FIELDS, THINGS),
        (COLOR_FIELDS, COLORS),
    ):
        if field in fields:
            return random.choice(pool)
    return random.randint(2, 999)


def record(random: Random, num_fields: int) -> dict[str, str | int]:
    """A small record: {"city": "Oslo", "age": 36}."""
    return {field: value_of(field, random) for field in random.sample(FIELDS, num_fields)}


def scores(random: Random, num_people: int) -> dict[str, int]:
    """Points by person: {"Ada": 36, "Leo": 12}."""
    return {person: random.randint(2, 99) for person in random.sample(PEOPLE, num_people)}


def numbers(random: Random, low: int = 2, high: int = 99, least: int = 3, most: int = 5) -> list[int]:
    """Different whole numbers."""
    return random.sample(range(low, high + 1), random.randint(least, most))


def things(random: Random, least: int = 3, most: int = 4) -> list[str]:
    return random.sample(THINGS, random.randint(least, most))


def listing(words: list[str]) -> str:
    """Words as a sentence lists them: "a, b and c"."""
    return f"{', '.join(words[:-1])} and {words[-1]}"
