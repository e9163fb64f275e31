"""Tables and configuration files."""

from __future__ import annotations

import json
from random import Random

from rlaif.data.mini.task import Task, Values
from rlaif.data.mini.values import FIELDS, PEOPLE, THINGS, record, value_of


def csv_table(random: Random) -> Values:
    columns = random.sample(FIELDS, 3)
    rows = [[str(value_of(column, random)) for column in columns] for _ in range(random.randint(1, 2))]
    text = "\n".join(",".join(cells) for cells in [columns, *rows])
    return {"text": text, "shown": text.replace("\n", " / "), "column": random.choice(columns)}


def named_columns(random: Random) -> Values:
    row = record(random, 2)
    return {"row": row, "columns": list(row), "shown": ",".join(row)}


def settings(random: Random) -> Values:
    section = random.choice(THINGS)
    data = record(random, 2)
    text = f"[{section}]\n" + "\n".join(f"{key} = {value}" for key, value in data.items())
    shown = ", ".join(f"{key} = {value}" for key, value in data.items())
    return {"section": section, "text": text, "shown": shown, "key": random.choice(list(data))}


def toml_text(random: Random) -> Values:
    data = record(random, 2)
    lines = [f"{key} = {json.dumps(value)}" for key, value in data.items()]
    return {"text": "\n".join(lines), "shown": " and ".join(lines), "key": random.choice(list(data))}


def command_line(random: Random) -> Values:
    program = random.choice(("copy", "pack", "send", "scan", "build", "sort", "print", "fetch"))
    option = random.choice(FIELDS)
    value = f"{random.choice(PEOPLE)} {random.choice(THINGS)}"
    return {"command": f'{program} --{option} "{value}" {random.choice(THINGS)}.txt', "option": f"--{option}"}


TASKS = (
    Task(
        api="csv.DictReader(f)",
        domain="Tables",
        explanation="Reads the rows as dictionaries and prints one column.",
        draw=csv_table,
        call="csv.DictReader({text!r}.splitlines())",
        code=(
            "import csv",
            "text = {text!r}",
            "rows = list(csv.DictReader(text.splitlines()))",
            "print([row[{column!r}] for row in rows])",
        ),
        train=(
            "Print the column {column} of the CSV table {shown}.",
            "From the CSV rows {shown}, collect every {column}.",
            "Read the CSV {shown} by its header and list the {column} values.",
            "List the {column} of each row in this CSV: {shown}",
        ),
        heldout=(
            "Go through the CSV table {shown} and show its {column} column.",
            "What stands in the column {column} of the CSV {shown}?",
        ),
    ),
    Task(
        api="csv.reader(csvfile)",
        domain="Tables",
        explanation="Splits the lines into cells and finds a column's position.",
        draw=csv_table,
        call="csv.reader({text!r}.splitlines())",
        code=(
            "import csv",
            "text = {text!r}",
            "header, *rows = csv.reader(text.splitlines())",
            "position = header.index({column!r})",
            "print(position, rows[0][position])",
        ),
        train=(
            "Find the position of {column} in the header of the CSV {shown}.",
            "At which index is the column {column} in the CSV lines {shown}?",
            "Split the CSV lines {shown} and tell where {column} stands.",
            "Give the column number of {column} in the CSV {shown}.",
        ),
        heldout=(
            "Locate the column {column} in the header of this CSV: {shown}",
            "Which index does {column} have in the CSV lines {shown}?",
        ),
    ),
    Task(
        api="csv.DictWriter(f, fieldnames)",
        domain="Tables",
        explanation="Writes a dictionary as one row of a CSV table.",
        draw=named_columns,
        call="csv.DictWriter(io.StringIO(), fieldnames={columns!r})",
        code=(
            "import csv, io",
            "buffer = io.StringIO()",
            "writer = csv.DictWriter(buffer, fieldnames={columns!r})",
            "writer.writerow({row!r})",
            "print(buffer.getvalue())",
        ),
        train=(
            "Write {row} as a CSV row with the columns {shown}.",
            "Make a CSV line with the columns {shown} from {row}.",
            "Put the record {row} into CSV form, columns {shown}.",
            "Use the columns {shown} to write {row} as CSV.",
        ),
        heldout=(
            "Format {row} as one line of CSV with the fields {shown}.",
            "With the columns {shown}, turn {row} into a CSV row.",
        ),
    ),
    Task(
        api="configparser.ConfigParser()",
        domain="Configuration",
        explanation="Reads INI text and looks up one option of a section.",
        draw=settings,
        call="configparser.ConfigParser()",
        code=(
            "import configparser",
            "parser = configparser.ConfigParser()",
            "parser.read_string({text!r})",
            "print(parser[{section!r}][{key!r}])",
        ),
        train=(
            "Read the INI section [{section}] with {shown} and print {key}.",
            "A config file has a section [{section}]: {shown}. Look up {key}.",
            "Get {key} from the INI section [{section}], which says {shown}.",
            "Parse the settings {shown} in section [{section}] and show {key}.",
        ),
        heldout=(
            "Print the option {key} of the INI section [{section}] with {shown}.",
            "The INI section [{section}] holds {shown}. What is {key}?",
        ),
    ),
    Task(
        api="tomllib.loads(s)",
        domain="Configuration",
        explanation="Parses the TOML text and reads one key.",
        draw=toml_text,
        call="tomllib.loads({text!r})",
        code=(
            "import tomllib",
            "text = {text!r}",
            "config = tomllib.loads(text)",
            "print(config[{key!r}])",
        ),
        train=(
            "Parse the TOML lines {shown} and print {key}.",
            "Read {key} from the TOML text {shown}.",
            "A TOML file says {shown}. Show its {key}.",
            "Load the TOML settings {shown} and look up {key}.",
        ),
        heldout=(
            "What is {key} in the TOML document {shown}?",
            "Take the TOML text {shown} and give me {key}.",
        ),
    ),
    Task(
        api="shlex.split(s)",
        domain="Configuration",
        explanation="Splits a command like a shell and finds an option's value.",
        draw=command_line,
        call="shlex.split({command!r})",
        code=(
            "import shlex",
            "words = shlex.split({command!r})",
            "position = words.index({option!r})",
            "print(words[position + 1])",
        ),
        train=(
            "Split the command {command} and print what follows {option}.",
            "In the shell command {command}, which value does {option} have?",
            "Take {command} apart like a shell and show the value of {option}.",
            "Read the value of {option} from the command line {command}.",
        ),
        heldout=(
            "Find the argument of {option} in the shell command {command}.",
            "Split {command} into words as a shell does and give the value after {option}.",
        ),
    ),
)
