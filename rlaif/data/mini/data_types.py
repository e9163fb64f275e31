"""Small data types."""

from __future__ import annotations

from random import Random

from rlaif.data.mini.task import Task, Values
from rlaif.data.mini.values import CITIES, COLORS, TEAMS, listing, record, value_of

TYPE_NAMES = ("Book", "Car", "City", "Guest", "House", "Order", "Parcel", "Player", "Room", "Ship", "Song", "Trip")
FIELDS_OF_TYPE = (
    *("name", "owner", "city", "origin", "item", "color", "age", "year", "score", "floor"),
    *("stock", "weight", "height", "speed", "level", "rank", "size", "price"),
)


def typed_fields(random: Random) -> Values:
    fields = random.sample(FIELDS_OF_TYPE, 2)
    values = [value_of(field, random) for field in fields]
    return {
        "type": random.choice(TYPE_NAMES),
        "fields": fields,
        "arguments": ", ".join(map(repr, values)),
        "shown": listing([f"{field} {value}" for field, value in zip(fields, values, strict=True)]),
        "field": random.choice(fields),
    }


def attributes(random: Random) -> Values:
    data = record(random, 3)
    return {
        "arguments": ", ".join(f"{field}={value!r}" for field, value in data.items()),
        "shown": listing([f"{field} {value}" for field, value in data.items()]),
        "field": random.choice(list(data)),
    }


def members(random: Random) -> Values:
    name, pool = random.choice((("Color", COLORS), ("Team", TEAMS), ("City", CITIES)))
    chosen = [member.upper() for member in random.sample(pool, 3)]
    return {"name": name, "members": chosen, "shown": listing(chosen), "member": random.choice(chosen)}


TASKS = (
    Task(
        api="collections.namedtuple(typename, field_names)",
        domain="Data types",
        explanation="Defines a named tuple, fills it and reads a field.",
        draw=typed_fields,
        call="collections.namedtuple({type!r}, {fields!r})",
        code=(
            "import collections",
            "{type} = collections.namedtuple({type!r}, {fields!r})",
            "entry = {type}({arguments})",
            "print(entry.{field})",
        ),
        train=(
            "Define a named tuple {type} with {shown} and print its {field}.",
            "Make a namedtuple {type} for {shown}; show the {field}.",
            "Store {shown} in a named tuple {type} and read {field}.",
            "Create the named tuple {type}: {shown}. What is its {field}?",
        ),
        heldout=(
            "Put {shown} into a named tuple called {type} and print {field}.",
            "Use a named tuple {type} to hold {shown} and give the {field}.",
        ),
    ),
    Task(
        api="dataclasses.make_dataclass(cls_name, fields)",
        domain="Data types",
        explanation="Makes a data class, fills it and reads a field.",
        draw=typed_fields,
        call="dataclasses.make_dataclass({type!r}, {fields!r})",
        code=(
            "import dataclasses",
            "{type} = dataclasses.make_dataclass({type!r}, {fields!r})",
            "entry = {type}({arguments})",
            "print(entry, entry.{field})",
        ),
        train=(
            "Make a data class {type} with {shown} and print its {field}.",
            "Create a dataclass {type} that holds {shown}; show {field}.",
            "Build the data class {type} for {shown} and read its {field}.",
            "As a dataclass {type}, store {shown} and print the {field}.",
        ),
        heldout=(
            "Define a data class {type} to keep {shown} and give its {field}.",
            "Hold {shown} in a dataclass named {type} and print {field}.",
        ),
    ),
    Task(
        api="types.SimpleNamespace(**kwargs)",
        domain="Data types",
        explanation="Keeps values as attributes and reads one of them.",
        draw=attributes,
        call="types.SimpleNamespace({arguments})",
        code=(
            "import types",
            "entry = types.SimpleNamespace({arguments})",
            "print(entry.{field})",
        ),
        train=(
            "Keep {shown} in a simple namespace and print its {field}.",
            "Make a namespace with {shown} and show {field}.",
            "Store {shown} as attributes of a namespace; read {field}.",
            "Build a SimpleNamespace of {shown} and print the {field}.",
        ),
        heldout=(
            "Put {shown} into a namespace object and give the {field}.",
            "With a simple namespace of {shown}, show its {field}.",
        ),
    ),
    Task(
        api="enum.Enum(value, names)",
        domain="Data types",
        explanation="Defines an enumeration and looks up a member.",
        draw=members,
        call="enum.Enum({name!r}, {members!r})",
        code=(
            "import enum",
            "{name} = enum.Enum({name!r}, {members!r})",
            "print({name}.{member}.value)",
        ),
        train=(
            "Define an enum {name} with {shown} and print the value of {member}.",
            "Make an enumeration {name} of {shown}; which value has {member}?",
            "Number {shown} in an enum {name} and show {member}.",
            "Create the enum {name}: {shown}. Print {member}.",
        ),
        heldout=(
            "Build an enumeration {name} from {shown} and look up {member}.",
            "In an enum {name} of {shown}, what is the value of {member}?",
        ),
    ),
)
