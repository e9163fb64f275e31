"""Bytes: encodings, binary records, digests, compression."""

from __future__ import annotations

import base64
import binascii
import struct
from random import Random

from rlaif.data.mini.task import Task, Values
from rlaif.data.mini.values import CITIES, COLORS, PEOPLE, THINGS, listing

STRUCT_CODES = {"B": 255, "H": 9999, "I": 99999, "b": 99, "h": 9999}
CODE_NAMES = {"B": "a byte", "H": "a short", "I": "an integer", "b": "a signed byte", "h": "a signed short"}
ORDERS = {"<": "little", ">": "big"}
DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "sha3_256")


def phrase(random: Random) -> str:
    return f"{random.choice(COLORS)} {random.choice(THINGS)}"


def plain_text(random: Random) -> Values:
    return {"text": phrase(random)}


def base64_text(random: Random) -> Values:
    text = f"{random.choice((*PEOPLE, *CITIES, *COLORS))}{random.randint(1, 99)}"
    return {"data": base64.b64encode(text.encode()).decode()}


def hex_bytes(random: Random) -> Values:
    text = f"{random.choice((*PEOPLE, *COLORS))[:3]}{random.randint(1, 99)}"
    return {"data": binascii.hexlify(text.encode()).decode()}


def packed_values(random: Random) -> Values:
    codes = random.choices(list(STRUCT_CODES), k=random.randint(2, 3))
    order = random.choice(list(ORDERS))
    values = [random.randint(2, STRUCT_CODES[code]) for code in codes]
    kinds = [f"{CODE_NAMES[code]} {value}" for code, value in zip(codes, values, strict=True)]
    return {
        "format": order + "".join(codes),
        "values": ", ".join(map(str, values)),
        "shown": listing(kinds),
        "order": ORDERS[order],
    }


def packed_bytes(random: Random) -> Values:
    codes = random.choices(("B", "H"), k=2)
    order = random.choice(list(ORDERS))
    values = [random.randint(2, 255 if code == "B" else 9999) for code in codes]
    data = struct.pack(order + "".join(codes), *values).hex()
    kinds = " and ".join(CODE_NAMES[code] for code in codes)
    return {"format": order + "".join(codes), "data": data, "kinds": kinds, "order": ORDERS[order]}


def digest_of_text(random: Random) -> Values:
    return {"name": random.choice(DIGESTS), "text": phrase(random)}


def signed_text(random: Random) -> Values:
    return {"key": random.choice((*THINGS, *CITIES)), "text": phrase(random), "name": random.choice(DIGESTS[:6])}


def repeated(random: Random) -> Values:
    return {"word": random.choice(THINGS), "count": random.randint(5, 200)}


TASKS = (
    Task(
        api="base64.b64decode(s)",
        domain="Encodings",
        explanation="Decodes the Base64 text to a string.",
        draw=base64_text,
        call="base64.b64decode({data!r})",
        code=(
            "import base64",
            "data = {data!r}",
            "text = base64.b64decode(data).decode('ascii')",
            "print(text)",
        ),
        train=(
            "Decode the Base64 text {data}.",
            "What does the Base64 string {data} say?",
            "Turn {data} from Base64 into plain text.",
            "Print the text behind the Base64 data {data}.",
        ),
        heldout=(
            "Which text is {data} in Base64?",
            "Read the Base64 data {data} as text.",
        ),
    ),
    Task(
        api="base64.b64encode(s)",
        domain="Encodings",
        explanation="Encodes the text in Base64.",
        draw=plain_text,
        call="base64.b64encode({text!r}.encode())",
        code=(
            "import base64",
            "text = {text!r}",
            "encoded = base64.b64encode(text.encode())",
            "print(encoded.decode())",
        ),
        train=(
            "Encode the text '{text}' in Base64.",
            "What is '{text}' in Base64?",
            "Print the Base64 form of '{text}'.",
            "Turn '{text}' into a Base64 string.",
        ),
        heldout=(
            "Give me '{text}' as Base64.",
            "Write the words '{text}' in Base64 encoding.",
        ),
    ),
    Task(
        api="binascii.unhexlify(hexstr)",
        domain="Encodings",
        explanation="Turns hexadecimal digits into ASCII text.",
        draw=hex_bytes,
        call="binascii.unhexlify({data!r})",
        code=(
            "import binascii",
            "data = {data!r}",
            "print(binascii.unhexlify(data).decode('ascii'))",
        ),
        train=(
            "Decode the hex digits {data} to ASCII text.",
            "Which text do the hexadecimal bytes {data} spell?",
            "Turn the hex string {data} into text.",
            "Print the ASCII text of the hex data {data}.",
        ),
        heldout=(
            "What do the hex digits {data} mean in ASCII?",
            "Convert the hexadecimal data {data} to readable text.",
        ),
    ),
    Task(
        api="struct.pack(format, *values)",
        domain="Binary data",
        explanation="Packs the numbers into a binary record.",
        draw=packed_values,
        call="struct.pack({format!r}, {values})",
        code=(
            "import struct",
            "data = struct.pack({format!r}, {values})",
            "print(len(data), data.hex())",
        ),
        train=(
            "Pack {shown} in {order} endian order.",
            "Write {shown} as {order} endian bytes.",
            "Make a {order} endian binary record of {shown}.",
            "Which {order} endian bytes hold {shown}?",
        ),
        heldout=(
            "Store {shown} in a binary record, {order} endian.",
            "In {order} endian order, pack {shown} into bytes.",
        ),
    ),
    Task(
        api="struct.unpack(format, buffer)",
        domain="Binary data",
        explanation="Unpacks two numbers from a binary record.",
        draw=packed_bytes,
        call="struct.unpack({format!r}, bytes.fromhex({data!r}))",
        code=(
            "import struct",
            "data = bytes.fromhex({data!r})",
            "first, second = struct.unpack({format!r}, data)",
            "print(first, second)",
        ),
        train=(
            "Unpack {kinds} from the {order} endian bytes {data}.",
            "Read {kinds} out of the hex bytes {data}, {order} endian.",
            "The {order} endian record {data} holds {kinds}. Print them.",
            "Which numbers are in {data}: {kinds}, {order} endian?",
        ),
        heldout=(
            "Take {kinds} from the binary record {data} in {order} endian order.",
            "Decode the bytes {data} as {kinds}, {order} endian.",
        ),
    ),
    Task(
        api="hashlib.new(name, data)",
        domain="Digests",
        explanation="Hashes the text with the named algorithm.",
        draw=digest_of_text,
        call="hashlib.new({name!r}, {text!r}.encode())",
        code=(
            "import hashlib",
            "text = {text!r}",
            "digest = hashlib.new({name!r}, text.encode())",
            "print(digest.hexdigest())",
        ),
        train=(
            "Print the {name} digest of '{text}'.",
            "Hash '{text}' with {name}.",
            "What is the {name} hash of '{text}'?",
            "Compute the {name} of the text '{text}'.",
        ),
        heldout=(
            "Give the {name} checksum of '{text}' in hex.",
            "Which {name} digest has the text '{text}'?",
        ),
    ),
    Task(
        api="hmac.new(key, msg, digestmod)",
        domain="Digests",
        explanation="Signs the text with a secret key.",
        draw=signed_text,
        call="hmac.new({key!r}.encode(), {text!r}.encode(), {name!r})",
        code=(
            "import hmac",
            "key, text = {key!r}, {text!r}",
            "code = hmac.new(key.encode(), text.encode(), {name!r})",
            "print(code.hexdigest())",
        ),
        train=(
            "Sign '{text}' with the key {key} by HMAC and {name}.",
            "Compute the HMAC of '{text}', key {key}, digest {name}.",
            "Make a {name} HMAC of '{text}' with the secret {key}.",
            "Authenticate '{text}' with the key {key} and {name}.",
        ),
        heldout=(
            "With the secret key {key} and {name}, sign the text '{text}'.",
            "Give the {name} HMAC for '{text}' under the key {key}.",
        ),
    ),
    Task(
        api="zlib.compress(data)",
        domain="Binary data",
        explanation="Compresses repeated text and compares the sizes.",
        draw=repeated,
        call="zlib.compress(({word!r} * {count}).encode())",
        code=(
            "import zlib",
            "text = {word!r} * {count}",
            "small = zlib.compress(text.encode())",
            "print(len(text), len(small))",
        ),
        train=(
            "Compress the word {word} repeated {count} times.",
            "How small does zlib make {count} times {word}?",
            "Repeat {word} {count} times and compress it.",
            "Print the compressed size of {word} written {count} times.",
        ),
        heldout=(
            "Write {word} {count} times, compress it and compare the sizes.",
            "What size has {word} times {count} after compression?",
        ),
    ),
)
