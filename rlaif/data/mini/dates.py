"""Dates and times."""

from __future__ import annotations

import datetime
from random import Random

from rlaif.data.mini.task import Task, Values
from rlaif.data.mini.values import MONTHS, PEOPLE

STAMP_FORMATS = (
    *("%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%d/%m/%Y", "%d %B %Y", "%B %d, %Y", "%Y/%m/%d"),
    *("%d-%b-%Y", "%Y%m%d", "%d.%m.%Y", "%b %d %Y %H:%M", "%d/%m/%Y %H:%M:%S", "%A, %d %B %Y"),
)
CLOCK_FORMATS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%Hh%M", "%H.%M", "%I.%M%p")
UNITS = ("weeks", "days", "hours", "minutes", "seconds")


def any_date(random: Random) -> datetime.date:
    return datetime.date(random.randint(1950, 2049), 1, 1) + datetime.timedelta(days=random.randrange(365))


def written_date(random: Random) -> Values:
    date = any_date(random)
    month = MONTHS[date.month - 1]
    return {"year": date.year, "month": date.month, "day": date.day, "shown": f"{date.day} {month} {date.year}"}


def stamp(random: Random) -> Values:
    moment = datetime.datetime.combine(
        any_date(random), datetime.time(random.randrange(24), random.randrange(60), random.randrange(60))
    )
    format = random.choice(STAMP_FORMATS)
    return {"text": moment.strftime(format), "format": format}


def clock(random: Random) -> Values:
    time = datetime.time(random.randrange(24), random.randrange(60), random.randrange(60))
    format = random.choice(CLOCK_FORMATS)
    return {"text": time.strftime(format), "format": format}


def span(random: Random) -> Values:
    unit, other = random.sample(UNITS, 2)
    return {"unit": unit, "other": other, "amount": random.randint(2, 99), "more": random.randint(2, 59)}


def month_of_year(random: Random) -> Values:
    month = random.randint(1, 12)
    return {"year": random.randint(1900, 2099), "month": month, "name": MONTHS[month - 1]}


def birthdays(random: Random) -> Values:
    people = random.sample(PEOPLE, 2)
    dates = [any_date(random) for _ in people]
    born = {person: date.isoformat() for person, date in zip(people, dates, strict=True)}
    shown = " and ".join(f"{person} on {date}" for person, date in born.items())
    return {"born": born, "shown": shown, "person": random.choice(people)}


TASKS = (
    Task(
        api="datetime.date(year, month, day)",
        domain="Dates",
        explanation="Builds the date and names its weekday.",
        draw=written_date,
        call="datetime.date({year}, {month}, {day})",
        code=(
            "import datetime",
            "day = datetime.date({year}, {month}, {day})",
            "print(day.strftime('%A'))",
        ),
        train=(
            "On which weekday did {shown} fall?",
            "Name the day of the week of {shown}.",
            "Which weekday is {shown}?",
            "Print the weekday for the date {shown}.",
        ),
        heldout=(
            "Tell me what day of the week {shown} is.",
            "Find out the weekday on {shown}.",
        ),
    ),
    Task(
        api="datetime.date.fromisoformat(date_string)",
        domain="Dates",
        explanation="Reads ISO dates and looks up one person's weekday.",
        draw=birthdays,
        call="datetime.date.fromisoformat({born!r}[{person!r}])",
        code=(
            "import datetime",
            "born = {born!r}",
            "day = datetime.date.fromisoformat(born[{person!r}])",
            "print(day.strftime('%A'))",
        ),
        train=(
            "{shown} were born; on which weekday was {person} born?",
            "Birthdays: {shown}. Print the weekday for {person}.",
            "Given the birthdays {shown}, name the weekday of {person}.",
            "What day of the week belongs to {person}, if the dates are {shown}?",
        ),
        heldout=(
            "With the birthdays {shown}, find the weekday of {person}.",
            "Tell the weekday on which {person} was born: {shown}.",
        ),
    ),
    Task(
        api="datetime.datetime.strptime(date_string, format)",
        domain="Dates",
        explanation="Parses the date by its format and prints it in ISO form.",
        draw=stamp,
        call="datetime.datetime.strptime({text!r}, {format!r})",
        code=(
            "import datetime",
            "text = {text!r}",
            "moment = datetime.datetime.strptime(text, {format!r})",
            "print(moment.isoformat())",
        ),
        train=(
            "Parse the date {text} and print it in ISO form.",
            "Convert {text} to an ISO date.",
            "Read the timestamp {text} and show it as ISO 8601.",
            "Turn the date text {text} into ISO format.",
        ),
        heldout=(
            "Give me {text} in ISO 8601 form.",
            "Interpret {text} as a date and write it in ISO format.",
        ),
    ),
    Task(
        api="time.strptime(string, format)",
        domain="Dates",
        explanation="Parses the clock time and counts the minutes since midnight.",
        draw=clock,
        call="time.strptime({text!r}, {format!r})",
        code=(
            "import time",
            "text = {text!r}",
            "clock = time.strptime(text, {format!r})",
            "print(clock.tm_hour * 60 + clock.tm_min)",
        ),
        train=(
            "How many minutes after midnight is {text}?",
            "Convert the clock time {text} to minutes since midnight.",
            "Parse the time {text} and count the minutes of the day so far.",
            "Minutes from midnight until {text}, please.",
        ),
        heldout=(
            "Count how many minutes have passed since midnight at {text}.",
            "Read the clock time {text} and print it in minutes.",
        ),
    ),
    Task(
        api="datetime.timedelta(**units)",
        domain="Dates",
        explanation="Adds up a span of time and prints its seconds.",
        draw=span,
        call="datetime.timedelta({unit}={amount}, {other}={more})",
        code=(
            "import datetime",
            "span = datetime.timedelta({unit}={amount}, {other}={more})",
            "print(span, span.total_seconds())",
        ),
        train=(
            "How many seconds are {amount} {unit} and {more} {other}?",
            "Convert {amount} {unit} plus {more} {other} to seconds.",
            "Express a span of {amount} {unit} and {more} {other} in seconds.",
            "Add {amount} {unit} to {more} {other} and print the seconds.",
        ),
        heldout=(
            "Count the seconds in {amount} {unit} and {more} {other}.",
            "What is {amount} {unit} together with {more} {other}, in seconds?",
        ),
    ),
    Task(
        api="calendar.monthrange(year, month)",
        domain="Dates",
        explanation="Finds the number of days of the month.",
        draw=month_of_year,
        call="calendar.monthrange({year}, {month})",
        code=(
            "import calendar",
            "first, days = calendar.monthrange({year}, {month})",
            "print(calendar.day_name[first], days)",
        ),
        train=(
            "How many days does {name} {year} have?",
            "Print the number of days of {name} {year}.",
            "On which weekday does {name} {year} begin, and how long is it?",
            "Length of the month {name} {year} in days?",
        ),
        heldout=(
            "Tell me how long {name} {year} is.",
            "Count the days in {name} of the year {year}.",
        ),
    ),
)
