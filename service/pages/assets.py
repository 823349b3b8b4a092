"""The stylesheet and the scripts of the pages: files of the package, each with its digest in its address."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from core.drawing.style import style
from service.http.route import PAGES, Route
from service.refusals import UnknownPath

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}
HEADERS = {
    # Its address changes with its content.
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}
PATH = "/dashboard/-/static/{name}"


def routes() -> list[Route]:
    return [Route(PATH, asset, scope=None, group=PAGES)]


async def asset(request: Request) -> Response:
    name = request.path_params["name"]
    found = _assets().get(name)
    if found is None:
        raise UnknownPath
    content, _ = found
    kind = MEDIA_TYPES[name[name.rindex(".") :]]
    return Response(content, media_type=kind, headers=HEADERS)


def asset_url(name: str) -> str:
    _, digest = _assets()[name]
    return f"{PATH.format(name=name)}?v={digest}"


@cache
def _assets() -> dict[str, tuple[bytes, str]]:
    """Content and digest of each file by name."""
    scripts = files("service.pages").joinpath("static").iterdir()
    read = {file.name: file.read_bytes() for file in scripts if file.name.endswith(".js")}
    read["style.css"] = style().encode()
    return {name: (content, hashlib.sha256(content).hexdigest()[:12]) for name, content in read.items()}
