"""JSON, markup and literals."""

from __future__ import annotations

import json
from random import Random

from rlaif.data.mini.task import Task, Values
from rlaif.data.mini.values import CITIES, PEOPLE, THINGS, record


def json_object(random: Random) -> Values:
    data = record(random, random.randint(2, 3))
    return {"text": json.dumps(data), "key": random.choice(list(data))}


def record_and_key(random: Random) -> Values:
    data = record(random, 3)
    return {"data": data, "key": random.choice(list(data))}


def xml_element(random: Random) -> Values:
    root = random.choice(THINGS)
    data = record(random, 2)
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in data.items())
    return {"text": f"<{root}>{inner}</{root}>", "tag": random.choice(list(data))}


def escaped_html(random: Random) -> Values:
    entity = random.choice(("&amp;", "&lt;", "&gt;", "&copy;", "&eacute;", "&euro;", "&frac12;", "&rarr;"))
    first, second = random.sample(THINGS, 2)
    return {"text": f"{first} {entity} {second}", "word": random.choice((first, second))}


def literal(random: Random) -> Values:
    person, city = random.choice(PEOPLE), random.choice(CITIES)
    numbers = random.sample(range(2, 99), 2)
    data = {person: numbers, city: tuple(random.sample(range(2, 99), 2))}
    return {"text": repr(data), "key": random.choice((person, city))}


TASKS = (
    Task(
        api="json.loads(s)",
        domain="JSON",
        explanation="Parses the JSON text and reads one field.",
        draw=json_object,
        call="json.loads({text!r})",
        code=(
            "import json",
            "text = {text!r}",
            "data = json.loads(text)",
            "print(data[{key!r}])",
        ),
        train=(
            "Parse the JSON text {text} and print its {key}.",
            "Read the JSON object {text} and show the field {key}.",
            "I have the JSON string {text}. What is its {key}?",
            "Decode {text} from JSON and give me the {key}.",
            "Get the {key} out of this JSON: {text}",
        ),
        heldout=(
            "Load the JSON document {text} and print the value of {key}.",
            "Which {key} does the JSON {text} hold?",
        ),
    ),
    Task(
        api="json.dumps(obj, indent=None)",
        domain="JSON",
        explanation="Drops one field and writes the rest as JSON.",
        draw=record_and_key,
        call="json.dumps({data!r})",
        code=(
            "import json",
            "data = {data!r}",
            "removed = data.pop({key!r})",
            "print(json.dumps(data), removed)",
        ),
        train=(
            "Write the dictionary {data} as JSON without its {key}.",
            "Serialize {data} to JSON, but drop the field {key} first.",
            "Remove {key} from {data} and print the rest as JSON.",
            "Turn {data} into a JSON string that leaves out {key}.",
        ),
        heldout=(
            "Dump {data} as JSON after taking out {key}.",
            "Give me {data} as JSON text, minus the {key}.",
        ),
    ),
    Task(
        api="xml.etree.ElementTree.fromstring(text)",
        domain="Markup",
        explanation="Parses the XML and reads the text of a child element.",
        draw=xml_element,
        call="xml.etree.ElementTree.fromstring({text!r})",
        code=(
            "import xml.etree.ElementTree",
            "root = xml.etree.ElementTree.fromstring({text!r})",
            "print(root.find({tag!r}).text)",
        ),
        train=(
            "Parse the XML {text} and print the text of {tag}.",
            "Read the element {tag} from the XML {text}.",
            "What does the tag {tag} contain in the XML {text}?",
            "Get the {tag} out of this XML: {text}",
        ),
        heldout=(
            "Show the content of {tag} in the XML document {text}.",
            "Load the XML {text} and give me its {tag}.",
        ),
    ),
    Task(
        api="html.unescape(s)",
        domain="Markup",
        explanation="Replaces HTML entities and finds a word in the result.",
        draw=escaped_html,
        call="html.unescape({text!r})",
        code=(
            "import html",
            "plain = html.unescape({text!r})",
            "print(plain, plain.index({word!r}))",
        ),
        train=(
            "Unescape the HTML text {text} and find where {word} starts.",
            "Decode the HTML entities of {text} and give the index of {word}.",
            "Turn the HTML {text} into plain text and locate {word}.",
            "Where does {word} start in {text} once its entities are decoded?",
        ),
        heldout=(
            "Replace the HTML entities in {text} and tell the position of {word}.",
            "Convert the HTML text {text} to plain characters and look for {word}.",
        ),
    ),
    Task(
        api="ast.literal_eval(node_or_string)",
        domain="Data types",
        explanation="Evaluates a Python literal safely and sums one entry.",
        draw=literal,
        call="ast.literal_eval({text!r})",
        code=(
            "import ast",
            "data = ast.literal_eval({text!r})",
            "print(sum(data[{key!r}]))",
        ),
        train=(
            "Evaluate the literal {text} safely and sum the entry {key}.",
            "Read the Python literal {text} and add up the numbers of {key}.",
            "Parse {text} as a Python literal, then sum what {key} holds.",
            "The text {text} is a Python literal. What is the sum for {key}?",
        ),
        heldout=(
            "Safely turn the text {text} into Python data and sum {key}.",
            "Add up the entry {key} of the Python literal {text}.",
        ),
    ),
)
