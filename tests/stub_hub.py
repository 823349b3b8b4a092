"""A stub of the Hugging Face hub on this machine, with selectable failures."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

ERROR_CODES = {"absent": (404, "RepoNotFound"), "gated": (403, "GatedRepo"), "no revision": (404, "RevisionNotFound")}


@dataclass
class StubHub:
    """Serves `files` as one model at one commit.

    `truncated`: of these files only half is sent; then the connection closes and the hub is down. `failure`:
    "absent", "gated", "no revision" or "down" (503). `requests`: method with path, and user agent, of each request.
    """

    files: Mapping[str, bytes]
    model: str = "org/tiny"
    commit: str = "c0ffee" + "0" * 34
    truncated: set[str] = field(default_factory=set)
    failure: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self.failure = "gone"  # for connections that are still open
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requested_files(self) -> list[str]:
        """Files whose content was requested."""
        return [path.rsplit(f"{self.commit}/", 1)[1] for path, _ in self.requests if path.startswith("GET /org")]

    def tree(self) -> list[dict[str, object]]:
        return [
            {"type": "file", "path": path, "size": len(content), "oid": hash_of(path, content)}
            for path, content in self.files.items()
        ]


def hash_of(path: str, content: bytes) -> str:
    """sha256 for a file that a hub stores as a large file, else the hash of a git blob."""
    if path.endswith(".safetensors"):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


def _handler(hub: StubHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

        def _answer(self, *, with_body: bool) -> None:
            hub.requests.append((f"{self.command} {self.path}", self.headers.get("User-Agent", "")))
            path = self.path.split("?")[0]
            if hub.failure == "gone":
                self.close_connection = True
            elif hub.failure == "down":
                self._send(503, b"")
            elif hub.failure in ERROR_CODES and not (hub.failure == "gated" and path.startswith("/api/")):
                status, code = ERROR_CODES[hub.failure]
                # A body after the headers that HEAD asks for would be read as the next answer.
                sent = None if with_body else 0
                self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": hub.failure}, sent=sent)
            elif path.startswith(f"/api/models/{hub.model}/tree/"):
                self._send(200, json.dumps(hub.tree()).encode())
            elif path.startswith(f"/api/models/{hub.model}"):
                self._send(200, json.dumps({"id": hub.model, "sha": hub.commit, "siblings": []}).encode())
            else:
                self._send_file(path.removeprefix(f"/{hub.model}/resolve/{hub.commit}/"), with_body=with_body)

        def _send_file(self, name: str, *, with_body: bool) -> None:
            content = hub.files.get(name)
            if content is None:
                self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            headers = {"X-Repo-Commit": hub.commit, "ETag": f'"{hash_of(name, content)}"'}
            if with_body and name in hub.truncated:
                hub.failure = "down"
                self._send(200, content, headers, sent=len(content) // 2)
                self.close_connection = True
            else:
                self._send(200, content, headers, sent=len(content) if with_body else 0)

        def _send(
            self, status: int, body: bytes, headers: Mapping[str, str] | None = None, *, sent: int | None = None
        ) -> None:
            self.send_response(status)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:sent])

    return Handler
