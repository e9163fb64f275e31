"""One picture, a red rectangle before two gradients, in several formats; and a short film of it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

WIDTH, HEIGHT = 256, 192
BLOCK = 8
FRAMES = 16
FRAMES_PER_SECOND = 8

Pixel = tuple[int, int, int]


def png() -> bytes:
    rows = b"".join(b"\x00" + bytes(channel for pixel in row for channel in pixel) for row in _rows())
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def bmp() -> bytes:
    rows = [bytes(channel for pixel in row for channel in reversed(pixel)) for row in _rows()]
    pixels = b"".join(reversed(rows))  # from the bottom; a row's length is a multiple of four
    header = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + header + pixels


def jpeg(shift: int = 0) -> bytes:
    """Baseline JPEG of blocks of one colour each, so that every block is its mean alone.

    Args:
        shift: how many blocks the rectangle has moved to the right.
    """
    quantisation = b"\xff\xdb\x00\x43\x00" + bytes([BLOCK]) * 64  # a mean times 8, by 8: the mean itself
    frame = struct.pack(">BHHB", 8, HEIGHT, WIDTH, 3) + b"".join(bytes((number, 0x11, 0)) for number in (1, 2, 3))
    # Means' differences: nine categories of four bits each. Within a block: only its end, of one bit.
    means = b"\x00" + bytes((0, 0, 0, 9)) + bytes(12) + bytes(range(9))
    ends = b"\x10" + bytes((1,)) + bytes(15) + b"\x00"
    scan = b"\x03" + bytes((1, 0, 2, 0, 3, 0)) + bytes((0, 63, 0))
    parts = [(b"\xff\xc0", frame), (b"\xff\xc4", means), (b"\xff\xc4", ends), (b"\xff\xda", scan)]
    segments = b"".join(marker + struct.pack(">H", len(data) + 2) + data for marker, data in parts)
    jfif = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    return b"\xff\xd8" + jfif + quantisation + segments + _scan(shift) + b"\xff\xd9"


def avi() -> bytes:
    """Motion JPEG in AVI. Readers of films go by content, whatever a file is called."""
    frames = [jpeg(shift) for shift in range(FRAMES)]
    largest = max(map(len, frames))
    main = struct.pack(
        "<14I", 1_000_000 // FRAMES_PER_SECOND, largest * FRAMES_PER_SECOND, 0, 0x10, FRAMES, 0, 1, largest,
        WIDTH, HEIGHT, 0, 0, 0, 0,
    )  # fmt: skip
    stream = b"vidsMJPG" + struct.pack(
        "<IHHIIIIIIII4H", 0, 0, 0, 0, 1, FRAMES_PER_SECOND, 0, FRAMES, largest, 0xFFFFFFFF, 0, 0, 0, WIDTH, HEIGHT
    )
    picture = struct.pack("<IiiHH4sIiiII", 40, WIDTH, HEIGHT, 1, 24, b"MJPG", WIDTH * HEIGHT * 3, 0, 0, 0, 0)
    lists = _chunk(b"LIST", b"strl" + _chunk(b"strh", stream) + _chunk(b"strf", picture))
    header = _chunk(b"LIST", b"hdrl" + _chunk(b"avih", main) + lists)
    movie, index, position = b"movi", b"", 4
    for frame in frames:
        chunk = _chunk(b"00dc", frame)
        index += b"00dc" + struct.pack("<III", 0x10, position, len(frame))
        movie, position = movie + chunk, position + len(chunk)
    return _chunk(b"RIFF", b"AVI " + header + _chunk(b"LIST", movie) + _chunk(b"idx1", index))


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\x00" * (len(data) % 2)


def _colour(column: int, row: int, shift: int = 0) -> Pixel:
    """Of a block, by its place."""
    columns, rows = WIDTH // BLOCK, HEIGHT // BLOCK
    if columns // 4 <= column - shift < columns // 2 and rows // 4 <= row < 3 * rows // 4:
        return 200, 40, 40
    return 40, 60 + 160 * row // rows, 60 + 160 * column // columns


def _rows() -> Iterator[list[Pixel]]:
    for row in range(HEIGHT):
        yield [_colour(column // BLOCK, row // BLOCK) for column in range(WIDTH)]


def _scan(shift: int) -> bytes:
    """The blocks from left to right and top to bottom, each as its Y, Cb and Cr."""
    bits: list[str] = []
    previous = [0, 0, 0]
    for row in range(HEIGHT // BLOCK):
        for column in range(WIDTH // BLOCK):
            for channel, value in enumerate(_luminance(_colour(column, row, shift))):
                difference, previous[channel] = value - previous[channel], value
                size = abs(difference).bit_length()
                number = difference if difference >= 0 else difference + (1 << size) - 1
                bits.append(f"{size:04b}" + (f"{number:0{size}b}" if size else "") + "0")
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")


def _luminance(colour: Pixel) -> tuple[int, int, int]:
    """Y, Cb and Cr about 0, in -128 to 127."""
    red, green, blue = colour
    return (
        round(0.299 * red + 0.587 * green + 0.114 * blue) - 128,
        round(-0.1687 * red - 0.3313 * green + 0.5 * blue),
        round(0.5 * red - 0.4187 * green - 0.0813 * blue),
    )
