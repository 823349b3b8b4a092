"""The texts to label as a file, and the file back with its labels: `retune labels export` and `import` on a page."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.requests import Request
from starlette.responses import Response

from core.audit.entries import Actor
from core.errors import InvalidInput
from core.home import Home
from core.label_files.files import write_requests
from core.label_files.importing import ImportedLabels, import_labels
from core.labelling.queue import label_queue
from core.labels import label_name
from service.access.actor import actor_of
from service.http.route import Route
from service.pages.label_forms import source_of
from service.pages.shell import HEADERS, Form, Shell, segment
from service.pages.uploads import UploadedFile
from service.recording.audit import audited
from service.refusals import InvalidBody
from service.worker import Worker

ENDINGS = (".csv", ".tsv", ".jsonl", ".json")
"""Of files that may be sent: what they hold is not larger than they are."""
SHOWN = 100


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._home, self._shell = worker.home, shell
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        return [
            self._shell.page("/{model}/label/requests.csv", self.download, scope="label"),
            self._shell.upload("/{model}/label/file", self.upload, scope="label"),
        ]

    async def download(self, request: Request) -> Response:
        model = request.path_params["model"]
        content = await self._run(requests_file, self._home, model)
        name = {"Content-Disposition": f"attachment; filename*=UTF-8''labels-{segment(model)}.csv"}
        return Response(content, media_type="text/csv", headers={**HEADERS, **name})

    async def upload(self, request: Request, form: Form, file: UploadedFile) -> Response:
        model, source, begun = request.path_params["model"], source_of(request, form), datetime.now(UTC)
        meant = [name for line in form.get("new_labels", "").splitlines() if (name := label_name(line))]
        found = await self._run(imported, self._home, actor_of(request), model, file, source, meant)
        since = begun.strftime("%Y-%m-%dT%H:%M:%S.%f")
        facts = {"imported": found, "shown": SHOWN, "source": source, "since": since, "file": file.name}
        return self._shell.render_of_model(request, "label_file.html", model, **facts)


def requests_file(home: Home, model: str) -> str:
    """Raises `ModelNotFound` or `Unavailable`."""
    home.registry.require_model(model)
    queue, file = label_queue(home, model), io.StringIO()
    write_requests(file, queue.requests, queue.labels)
    return file.getvalue()


def imported(
    home: Home, actor: Actor, model: str, file: UploadedFile, source: str, new_labels: list[str]
) -> ImportedLabels:
    """Raises `InvalidBody` for a file that cannot be read, `ModelNotFound` or `Unavailable`."""
    home.registry.require_model(model)
    ending = Path(file.name).suffix.lower()
    if ending not in ENDINGS:
        raise InvalidBody(f"The file {file.name!r} is none of {', '.join(ENDINGS)}. Save it as one of these.")
    with TemporaryDirectory(prefix="retune-labels-") as folder:
        path = Path(folder) / f"labels{ending}"
        path.write_bytes(file.content)
        try:
            found = import_labels(home, model, path, source=source, new_labels=new_labels)
        except InvalidInput as error:
            raise InvalidBody(str(error).replace(str(path), file.name)) from error
    counts = {"accepted": found.stored.accepted, "cannot_tell": found.stored.cannot_tell, "refused": len(found.refused)}
    audited(home, actor, "import_labels", model, {"source": source, **counts})
    return found
