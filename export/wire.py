"""Protobuf's wire format, as far as an ONNX file needs it: read and written without the package `onnx`.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

VARINT, EIGHT_BYTES, LENGTH_PREFIXED, FOUR_BYTES = 0, 1, 2, 5
"""Wire types; the two others, groups, are not used by ONNX."""


@dataclass(frozen=True)
class Field:
    """A field of a message. `whole`: its bytes with number and length; `content`: the bytes of its value alone."""

    number: int
    whole: memoryview
    content: memoryview

    @property
    def integers(self) -> list[int]:
        """The values of a varint, or of packed ones."""
        found, start = [], 0
        while start < len(self.content):
            value, start = _varint(self.content, start)
            found.append(value)
        return found

    @property
    def text(self) -> str:
        return bytes(self.content).decode()


def fields(message: memoryview) -> Iterator[Field]:
    """The fields of a message in their order; raises `ValueError` if its bytes are no message."""
    start = 0
    while start < len(message):
        key, begin = _varint(message, start)
        end, begin = _extent(message, key & 7, begin)
        if end > len(message):
            raise ValueError("a field ends after its message")
        yield Field(key >> 3, message[start:end], message[begin:end])
        start = end


def _extent(message: memoryview, wire_type: int, begin: int) -> tuple[int, int]:
    """End and begin of a value whose key ends at `begin`."""
    if wire_type == VARINT:
        return _varint(message, begin)[1], begin
    if wire_type == LENGTH_PREFIXED:
        length, begin = _varint(message, begin)
        return begin + length, begin
    if wire_type in (EIGHT_BYTES, FOUR_BYTES):
        return begin + (8 if wire_type == EIGHT_BYTES else 4), begin
    raise ValueError(f"unknown wire type {wire_type}")


def _varint(message: memoryview, start: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(message[start : start + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, start + place + 1
    raise ValueError("an integer has no end")


def varint(value: int) -> bytes:
    """
    >>> varint(300).hex()
    'ac02'
    """
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def integer_field(number: int, value: int) -> bytes:
    return varint(number << 3 | VARINT) + varint(value)


def prefix(number: int, length: int) -> bytes:
    """What stands before the `length` bytes of a message, a text or packed numbers."""
    return varint(number << 3 | LENGTH_PREFIXED) + varint(length)


def bytes_field(number: int, content: bytes) -> bytes:
    return prefix(number, len(content)) + content
