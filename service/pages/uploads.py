"""Forms with a file, as browsers send them."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from service.refusals import InvalidBody

MAX_FIELDS = 20


@dataclass(frozen=True)
class UploadedFile:
    """`name`: as its sender calls it; it names no file of this machine."""

    name: str
    content: bytes


async def file_of(request: Request) -> tuple[dict[str, str], UploadedFile]:
    """The fields of a form, and the file in its field `file`. Raises `InvalidBody`."""
    try:
        async with request.form(max_files=1, max_fields=MAX_FIELDS) as form:
            file = form.get("file")
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            if not isinstance(file, UploadFile) or not file.filename:
                raise InvalidBody("No file came with the form. Choose one, then send the form again.")
            if not all(_is_text(words) for words in (file.filename, *fields.values())):
                raise InvalidBody("The form has half of a surrogate pair. Send it as UTF-8.")
            return fields, UploadedFile(file.filename[:200], await file.read())
    except MultiPartException as error:
        raise InvalidBody(f"The form cannot be read: {error.message} Send it again.") from error


def _is_text(words: str) -> bool:
    """Whether it can be stored and sent; a form may name a charset such as UTF-7, which allows half of a pair.

    >>> _is_text("ü"), _is_text(chr(0xD800))
    (True, False)
    """
    try:
        words.encode()
    except UnicodeEncodeError:
        return False
    return True
