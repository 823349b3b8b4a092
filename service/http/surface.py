"""What all paths below a prefix have in common: the types of body that they take, and the shape of their errors."""

from __future__ import annotations

from dataclasses import dataclass

JSON, FORM, OCTETS = "application/json", "application/x-www-form-urlencoded", "application/octet-stream"
UNTYPED = ""


@dataclass(frozen=True)
class Surface:
    """`flat_errors`: `error` is the sentence itself (see `service.http.envelope`)."""

    prefix: str
    media_types: tuple[str, ...]
    flat_errors: bool = False

    @property
    def expected(self) -> str:
        """
        >>> Surface("/v2", (JSON, OCTETS, UNTYPED)).expected
        'application/json or application/octet-stream'
        """
        return " or ".join(filter(None, self.media_types))


PROGRAMS = Surface("/", (JSON,))
PAGES = Surface("/dashboard", (FORM,))
# tritonclient names no type, whether it sends JSON alone or with tensors behind it.
OPEN_INFERENCE = Surface("/v2", (JSON, OCTETS, UNTYPED), flat_errors=True)
