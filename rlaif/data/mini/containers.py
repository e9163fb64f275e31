"""Collections."""

from __future__ import annotations

from random import Random

from rlaif.data.mini.task import Task, Values
from rlaif.data.mini.values import CITIES, COLORS, PEOPLE, TEAMS, listing, numbers, record, scores, value_of


def letters(random: Random) -> Values:
    words = [random.choice(COLORS) for _ in range(2)]
    words += random.sample([*TEAMS, *COLORS], 2)
    random.shuffle(words)
    return {"words": words, "word": random.choice(words)}


def queue(random: Random) -> Values:
    people = random.sample(PEOPLE, random.randint(3, 4))
    return {"people": people, "shown": listing(people), "person": random.choice(people)}


def overrides(random: Random) -> Values:
    defaults = record(random, 2)
    changed = random.choice(list(defaults))
    key = random.choice(list(defaults))
    return {"defaults": defaults, "overrides": {changed: value_of(changed, random)}, "key": key}


def ordered_scores(random: Random) -> Values:
    points = scores(random, 3)
    return {"points": points, "person": random.choice(list(points))}


def nested(random: Random) -> Values:
    data = {random.choice(TEAMS): random.sample(PEOPLE, 2), random.choice(CITIES): [random.choice(PEOPLE)]}
    return {"data": data, "key": random.choice(list(data)), "person": random.choice(PEOPLE)}


def typed_numbers(random: Random) -> Values:
    code, meaning, high = random.choice(
        (("b", "signed bytes", 127), ("B", "bytes", 255), ("h", "short integers", 9999))
    )
    values = numbers(random, high=high)
    return {"code": code, "meaning": meaning, "values": values, "value": random.choice(values)}


TASKS = (
    Task(
        api="collections.Counter(iterable)",
        domain="Collections",
        explanation="Counts the words and removes one of them.",
        draw=letters,
        call="collections.Counter({words!r})",
        code=(
            "import collections",
            "counts = collections.Counter({words!r})",
            "times = counts.pop({word!r})",
            "print(times, counts.most_common(1))",
        ),
        train=(
            "How often is {word} in {words}, and which other word leads?",
            "Count the words {words} and take {word} out.",
            "Tally {words}, then print and remove the count of {word}.",
            "Count {word} in {words} and name the most common rest.",
        ),
        heldout=(
            "In the words {words}, count {word} and remove it from the tally.",
            "Count {words} and say how many times {word} occurs.",
        ),
    ),
    Task(
        api="collections.deque(iterable)",
        domain="Collections",
        explanation="Removes a person from the queue and rotates it.",
        draw=queue,
        call="collections.deque({people!r})",
        code=(
            "import collections",
            "queue = collections.deque({people!r})",
            "queue.remove({person!r})",
            "queue.rotate(1)",
            "print(list(queue))",
        ),
        train=(
            "{shown} wait in a queue. Remove {person} and rotate it by one.",
            "Make a queue of {shown}, let {person} leave and rotate it.",
            "From the queue {shown}, drop {person}, then rotate once.",
            "Rotate the queue {shown} after {person} has left.",
        ),
        heldout=(
            "Take {person} out of the queue {shown} and rotate the rest.",
            "In a queue stand {shown}; {person} leaves. Rotate it by one.",
        ),
    ),
    Task(
        api="collections.ChainMap(*maps)",
        domain="Collections",
        explanation="Looks a key up in the overrides, then in the defaults.",
        draw=overrides,
        call="collections.ChainMap({overrides!r}, {defaults!r})",
        code=(
            "import collections",
            "defaults = {defaults!r}",
            "settings = collections.ChainMap({overrides!r}, defaults)",
            "print(settings[{key!r}])",
        ),
        train=(
            "With the defaults {defaults} and the override {overrides}, what is {key}?",
            "Chain {overrides} before {defaults} and look up {key}.",
            "Look for {key} in {overrides} first and then in {defaults}.",
            "Override {defaults} by {overrides} and print {key}.",
        ),
        heldout=(
            "Let {overrides} take precedence over {defaults} and show {key}.",
            "Which {key} applies when {overrides} overrides {defaults}?",
        ),
    ),
    Task(
        api="collections.OrderedDict(items)",
        domain="Collections",
        explanation="Moves one key to the end of the order.",
        draw=ordered_scores,
        call="collections.OrderedDict({points!r})",
        code=(
            "import collections",
            "order = collections.OrderedDict({points!r})",
            "order.move_to_end({person!r})",
            "print(list(order))",
        ),
        train=(
            "Move {person} to the end of {points}.",
            "Keep {points} in order, but put {person} last.",
            "Reorder {points} so that {person} comes last.",
            "In the ordered dictionary {points}, send {person} to the end.",
        ),
        heldout=(
            "Shift {person} behind all others in {points}.",
            "Make {person} the last key of {points}.",
        ),
    ),
    Task(
        api="copy.deepcopy(x)",
        domain="Collections",
        explanation="Changes a deep copy and leaves the original alone.",
        draw=nested,
        call="copy.deepcopy({data!r})",
        code=(
            "import copy",
            "groups = {data!r}",
            "changed = copy.deepcopy(groups)",
            "changed[{key!r}].append({person!r})",
            "print(groups, changed)",
        ),
        train=(
            "Copy {data} deeply and add {person} to {key} in the copy.",
            "Add {person} to {key} in a deep copy of {data}.",
            "Without changing {data}, append {person} to {key}.",
            "Make a deep copy of {data} whose {key} also has {person}.",
        ),
        heldout=(
            "Deep copy {data}, then put {person} into {key} of the copy.",
            "Leave {data} alone, but show it with {person} added to {key}.",
        ),
    ),
    Task(
        api="array.array(typecode, initializer)",
        domain="Collections",
        explanation="Stores the numbers in an array and removes one.",
        draw=typed_numbers,
        call="array.array({code!r}, {values!r})",
        code=(
            "import array",
            "values = array.array({code!r}, {values!r})",
            "values.remove({value})",
            "print(values, values.itemsize)",
        ),
        train=(
            "Store {values} in an array of {meaning} and remove {value}.",
            "Make an array of {meaning} from {values} without {value}.",
            "Remove {value} from the array of {meaning} {values}.",
            "Put {values} into an array of {meaning}, then delete {value}.",
        ),
        heldout=(
            "Keep {values} as an array of {meaning} and take {value} out.",
            "Build an array of {meaning} with {values} and drop {value}.",
        ),
    ),
)
