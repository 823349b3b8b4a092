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
            return fields, UploadedFile(file.filename[:200], await file.read())
    except MultiPartException as error:
        raise InvalidBody(f"The form cannot be read: {error.message} Send it again.") from error
