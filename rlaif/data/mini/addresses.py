"""Addresses: URLs, networks, identifiers, paths."""

from __future__ import annotations

import ipaddress
from random import Random
from urllib.parse import urlencode

from rlaif.data.mini.task import Task, Values
from rlaif.data.mini.values import CITIES, PEOPLE, THINGS, record

NAMESPACES = ("DNS", "URL", "OID", "X500")
SUFFIXES = ("txt", "csv", "png", "log", "pdf", "zip")
FOLDERS = ("home", "srv", "data", "mnt", "opt", "var", "usr", "archive", "backup", "media")


def host(random: Random) -> str:
    return f"{random.choice((*THINGS, *map(str.lower, CITIES)))}.{random.choice(('org', 'com', 'net', 'example'))}"


def url_with_port(random: Random) -> Values:
    return {"url": f"http://{host(random)}:{random.randint(80, 9999)}/{random.choice(THINGS)}"}


def query(random: Random) -> Values:
    data = record(random, random.randint(2, 3))
    return {"query": urlencode(data), "key": random.choice(list(data))}


def query_data(random: Random) -> Values:
    data = record(random, 3)
    return {"data": data, "key": random.choice(list(data))}


def network(random: Random) -> Values:
    prefix = random.choice((8, 16, 24, 25, 26, 27, 28, 29, 30))
    address = random.getrandbits(32) >> (32 - prefix) << (32 - prefix)
    return {"network": f"{ipaddress.IPv4Address(address)}/{prefix}"}


def address_and_step(random: Random) -> Values:
    address = ".".join(str(random.randint(1, 254)) for _ in range(4))
    return {"address": address, "step": random.randint(2, 200)}


def named_id(random: Random) -> Values:
    return {"namespace": random.choice(NAMESPACES), "name": host(random)}


def path_and_base(random: Random) -> Values:
    base = f"/{random.choice(FOLDERS)}/{random.choice(THINGS)}"
    rest = f"{random.choice(PEOPLE).lower()}/{random.choice(THINGS)}.{random.choice(SUFFIXES)}"
    return {"base": base, "path": f"{base}/{rest}"}


def file_names(random: Random) -> Values:
    suffixes = random.sample(SUFFIXES, 3)
    words = random.sample(THINGS, 3)
    names = [f"{word}.{suffix}" for word, suffix in zip(words, suffixes, strict=True)]
    return {"names": names, "pattern": f"*.{random.choice(suffixes)}"}


TASKS = (
    Task(
        api="urllib.parse.urlparse(urlstring)",
        domain="Web addresses",
        explanation="Takes the address apart and prints host and port.",
        draw=url_with_port,
        call="urllib.parse.urlparse({url!r})",
        code=(
            "import urllib.parse",
            "parts = urllib.parse.urlparse({url!r})",
            "print(parts.hostname, parts.port + 1)",
        ),
        train=(
            "Print the host of {url} and the port after its own.",
            "Take the URL {url} apart and show host and next port.",
            "Which host and next higher port follow from {url}?",
            "Parse {url} and print its host and its port plus one.",
        ),
        heldout=(
            "From the URL {url}, give the host and the following port.",
            "Split {url} into parts; show its host and the port plus one.",
        ),
    ),
    Task(
        api="urllib.parse.parse_qs(qs)",
        domain="Web addresses",
        explanation="Parses the query string and reads one parameter.",
        draw=query,
        call="urllib.parse.parse_qs({query!r})",
        code=(
            "import urllib.parse",
            "values = urllib.parse.parse_qs({query!r})",
            "print(values[{key!r}][0])",
        ),
        train=(
            "Read the parameter {key} of the query string {query}.",
            "Parse the query {query} and print {key}.",
            "What is {key} in the URL query {query}?",
            "Look up {key} in the query string {query}.",
        ),
        heldout=(
            "Which value has {key} in the query string {query}?",
            "Take the query {query} apart and give {key}.",
        ),
    ),
    Task(
        api="urllib.parse.urlencode(query)",
        domain="Web addresses",
        explanation="Encodes a record as a query string without one field.",
        draw=query_data,
        call="urllib.parse.urlencode({data!r})",
        code=(
            "import urllib.parse",
            "data = {data!r}",
            "del data[{key!r}]",
            "print(urllib.parse.urlencode(data))",
        ),
        train=(
            "Encode {data} as a URL query without {key}.",
            "Make a query string of {data}, leaving out {key}.",
            "Turn {data} into URL parameters except {key}.",
            "Delete {key} from {data} and write the rest as a URL query.",
        ),
        heldout=(
            "Write {data} as a query string, but not {key}.",
            "Build the URL query of {data} after deleting {key}.",
        ),
    ),
    Task(
        api="ipaddress.ip_network(address)",
        domain="Networks",
        explanation="Reads the network and counts its addresses.",
        draw=network,
        call="ipaddress.ip_network({network!r})",
        code=(
            "import ipaddress",
            "network = ipaddress.ip_network({network!r})",
            "print(network.netmask, network.num_addresses)",
        ),
        train=(
            "How many addresses does the network {network} have?",
            "Print the netmask and the size of {network}.",
            "Count the addresses in the network {network}.",
            "Which netmask belongs to the network {network}?",
        ),
        heldout=(
            "Tell the number of addresses and the mask of {network}.",
            "What size does the IP network {network} have?",
        ),
    ),
    Task(
        api="ipaddress.ip_address(address)",
        domain="Networks",
        explanation="Reads the address and counts on from it.",
        draw=address_and_step,
        call="ipaddress.ip_address({address!r})",
        code=(
            "import ipaddress",
            "address = ipaddress.ip_address({address!r})",
            "print(address + {step}, address.is_private)",
        ),
        train=(
            "Which IP address comes {step} after {address}?",
            "Add {step} to the IP address {address}.",
            "Count {step} addresses on from {address}.",
            "Print the address {step} places after {address}.",
        ),
        heldout=(
            "What is the IP address {address} plus {step}?",
            "Go {step} addresses further than {address}.",
        ),
    ),
    Task(
        api="uuid.uuid5(namespace, name)",
        domain="Web addresses",
        explanation="Makes the identifier of a name in a namespace.",
        draw=named_id,
        call="uuid.uuid5(uuid.NAMESPACE_{namespace}, {name!r})",
        code=(
            "import uuid",
            "name = {name!r}",
            "print(uuid.uuid5(uuid.NAMESPACE_{namespace}, name))",
        ),
        train=(
            "Make a UUID for {name} in the {namespace} namespace.",
            "Print the version 5 UUID of {name}, namespace {namespace}.",
            "Which UUID does {name} have in the namespace {namespace}?",
            "Give {name} a name-based UUID with the namespace {namespace}.",
        ),
        heldout=(
            "Derive the UUID of {name} from the namespace {namespace}.",
            "In the {namespace} namespace, what is the UUID of {name}?",
        ),
    ),
    Task(
        api="pathlib.PurePosixPath(*segments)",
        domain="Paths",
        explanation="Expresses a path relative to a folder.",
        draw=path_and_base,
        call="pathlib.PurePosixPath({path!r})",
        code=(
            "import pathlib",
            "path = pathlib.PurePosixPath({path!r})",
            "print(path.relative_to({base!r}), path.suffix)",
        ),
        train=(
            "Write the path {path} relative to {base}.",
            "What is {path} seen from the folder {base}?",
            "Give the part of {path} below {base}.",
            "Make {path} relative to the folder {base}.",
        ),
        heldout=(
            "Express {path} as a path relative to {base}.",
            "Starting in {base}, what is the relative path of {path}?",
        ),
    ),
    Task(
        api="fnmatch.filter(names, pattern)",
        domain="Paths",
        explanation="Keeps the names that match the pattern.",
        draw=file_names,
        call="fnmatch.filter({names!r}, {pattern!r})",
        code=(
            "import fnmatch",
            "names = {names!r}",
            "found = fnmatch.filter(names, {pattern!r})",
            "print(found[0])",
        ),
        train=(
            "Which of {names} matches {pattern}?",
            "Filter {names} by the pattern {pattern}.",
            "Find the file like {pattern} in {names}.",
            "From {names}, print the one that fits {pattern}.",
        ),
        heldout=(
            "Apply the pattern {pattern} to the names {names}.",
            "Select the file of {names} that matches {pattern}.",
        ),
    ),
)
