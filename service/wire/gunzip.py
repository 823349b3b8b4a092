"""Decompresses a gzip body part by part, up to a limit."""

from __future__ import annotations

import zlib

from service.refusals import BodyDamaged, BodyTooLarge

# Makes zlib read the header and the checksum of gzip.
GZIP_WINDOW = 31


class Gunzip:
    """One member after another, as `gzip -d` does. No more than the limit is ever decompressed."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes, self._left = limit_bytes, limit_bytes
        self._member = zlib.decompressobj(GZIP_WINDOW)

    def next_part(self, part: bytes, *, is_last: bool) -> bytes:
        """Raises `BodyTooLarge`, or `BodyDamaged` for a body that is not gzip or ends within a member."""
        found = b""
        try:
            while part:
                if self._member.eof:
                    self._member = zlib.decompressobj(GZIP_WINDOW)
                found += self._member.decompress(part, self._left + 1 - len(found))
                if len(found) > self._left:
                    raise BodyTooLarge(self._limit_bytes)
                part = self._member.unused_data
        except zlib.error as error:
            raise BodyDamaged from error
        if is_last and not self._member.eof:
            raise BodyDamaged
        self._left -= len(found)
        return found
