"""A small HTTP client of the gateway, and one that sends requests while the champion changes."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from core.errors import RequestFailed


class Client:
    """One connection that sends and receives JSON."""

    def __init__(self, base_url: str, *, timeout_s: float = 60.0) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=timeout_s)

    def get(self, path: str) -> dict[str, Any]:
        """As `post`."""
        return self._asked("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON of a 2xx response; raises `RequestFailed` with the server's message otherwise."""
        return self._asked("POST", path, json.dumps(body), {"Content-Type": "application/json"})

    def _asked(self, method: str, path: str, *content_and_headers: Any) -> dict[str, Any]:
        try:
            self._connection.request(method, path, *content_and_headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise RequestFailed(path, f"{type(error).__name__}: {error}") from error
        if response.status >= 300:
            raise RequestFailed(path, f"{response.status} {content.decode(errors='replace')[:300]}")
        answer: dict[str, Any] = json.loads(content)
        return answer

    def predict(self, texts: Sequence[str], model: str) -> dict[str, Any]:
        return self.post("/predict", {"texts": list(texts), "model": model, "top_k": 1})

    def close(self) -> None:
        self._connection.close()


def in_batches(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """
    >>> list(in_batches([1, 2, 3], 2))
    [[1, 2], [3]]
    """
    return (rows[start : start + size] for start in range(0, len(rows), size))


@dataclass
class Calls:
    """Requests and failures of the steady client; `versions`: number of responses by version."""

    sent: int = 0
    failed: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: Calls) -> None:
        self.sent += other.sent
        self.failed += other.failed
        self.versions.update(other.versions)
        self.failures += other.failures


class SteadyClient:
    """Calls `/predict` with one text after another, about `rate` times a second, until it is stopped."""

    def __init__(self, base_url: str, model: str, texts: Iterable[str], *, rate: float) -> None:
        self.calls = Calls()
        self._client = Client(base_url)
        self._model = model
        self._texts = itertools.cycle(texts)
        self._pause_s = 1.0 / rate
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._call_until_stopped, name="steady client", daemon=True)

    def __enter__(self) -> SteadyClient:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._client.close()

    def _call_until_stopped(self) -> None:
        while not self._stopped.wait(self._pause_s):
            self._call(next(self._texts))

    def _call(self, text: str) -> None:
        self.calls.sent += 1
        try:
            answer = self._client.predict([text], self._model)
        except RequestFailed as error:
            self.calls.failed += 1
            self.calls.failures.append(str(error))
            return
        if "error" in answer["predictions"][0]:
            self.calls.failed += 1
            self.calls.failures.append(str(answer["predictions"][0]["error"]))
        self.calls.versions[answer["version"]] += 1
