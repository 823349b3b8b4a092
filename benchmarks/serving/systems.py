"""The systems compared: how each is started, asked and understood."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from client import asked
from processes import Tree, free_port, running
from setting import HERE, MODEL, ROOT, WORK, Setting

from core.config import Config
from core.processes.no_telemetry import OFF
from core.registry import Registry, open_registry

PEERS = HERE / "peers"
ENVIRONMENTS = ROOT / ".retune" / "peers-venv"
Body = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class System:
    """`command` is given the port; `label` reads an answer, None where the label means nothing."""

    name: str
    path: str
    body: Body
    label: Callable[[Any], str] | None
    command: Callable[[int], list[str]]
    environment: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[Setting, Path, int], None] = lambda setting, folder, port: None


@dataclass(frozen=True)
class Server:
    """A system that runs. `ready_s`: from its start until it answered its first text."""

    system: System
    port: int
    tree: Tree
    ready_s: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.system.path}"


@contextmanager
def served(system: System, setting: Setting, *, environment: dict[str, str] | None = None) -> Iterator[Server]:
    """The system on a free port, in an empty folder of its own, for as long as the block."""
    folder, port = WORK / system.name.replace(" ", "-"), free_port()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    system.prepare(setting, folder, port)
    given = {"PACKAGE": str(setting.package), "CHECKPOINT": str(setting.checkpoint), "RETUNE_HOME": str(home(folder))}
    given |= {"LABELS": str(len(setting.engine.labels)), "BENTOML_HOME": str(folder / "bentoml")}
    given |= OFF | {"HF_HUB_OFFLINE": "1"}
    given |= system.environment | (environment or {})
    started, first = time.perf_counter(), json.dumps(system.body(setting.short[0])).encode()
    with running(system.command(port), environment=given, folder=folder, log=folder / "server.log") as tree:
        tree.wait_until(lambda: asked(port, "POST", system.path, first).status == 200)
        server = Server(system, port, tree, round(time.perf_counter() - started, 2))
        _require_right_answers(server, setting)
        yield server


def home(folder: Path) -> Path:
    return folder / "home"


def registry_of(server: Server) -> Registry:
    return open_registry(Config(home=home(WORK / server.system.name)))


def _require_right_answers(server: Server, setting: Setting, count: int = 20) -> None:
    """A server that answers fast and wrongly would be no system at all."""
    if server.system.label is None:
        return
    texts = setting.mixed[:count]
    expected = [setting.engine.labels[index] for index in setting.engine.answer(texts).predicted]
    for text, label in zip(texts, expected, strict=True):
        answer = asked(server.port, "POST", server.system.path, json.dumps(server.system.body(text)).encode())
        if server.system.label(answer.json()) != label:
            raise SystemExit(f"{server.system.name} answers {answer.body!r} where the engine says {label!r}.")


def _register(setting: Setting, folder: Path, _: int) -> None:
    registry = open_registry(Config(home=home(folder)))
    registry.promote(MODEL, registry.add(setting.package, MODEL))


def _mlserver_settings(batching: dict[str, Any]) -> Callable[[Setting, Path, int], None]:
    def write(_: Setting, folder: Path, port: int) -> None:
        settings = {"debug": False, "host": "127.0.0.1", "parallel_workers": 2, "http_port": port}
        settings |= {"grpc_port": free_port(), "metrics_port": free_port(), "metrics_dir": str(folder)}
        model = {"name": MODEL, "implementation": "mlserver_runtime.Classifier", **batching}
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        (folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")

    return write


def _bento(module: str) -> Callable[[int], list[str]]:
    options = ["--working-dir", str(PEERS), "--host", "127.0.0.1", "--port"]
    return lambda port: [sys.executable, "-m", "bentoml", "serve", f"{module}:Classifier", *options, str(port)]


def _python_of(environment: str) -> str:
    return str(ENVIRONMENTS / environment / "bin" / "python")


def _lit(port: int) -> list[str]:
    return [_python_of("litserve"), str(PEERS / "lit.py"), str(port)]


def _mlserver(_: int) -> list[str]:
    return [str(ENVIRONMENTS / "mlserver" / "bin" / "mlserver"), "start", "."]


def _pipeline(port: int) -> list[str]:
    options = ["--workers", "2", "--no-access-log", "--app-dir", str(PEERS), "--host", "127.0.0.1"]
    return [_python_of("litserve"), "-m", "uvicorn", "pipeline_app:app", *options, "--port", str(port)]


def _text(text: str) -> dict[str, Any]:
    return {"text": text}


def _texts(text: str) -> dict[str, Any]:
    return {"texts": [text]}


def _tensor(text: str) -> dict[str, Any]:
    return {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": [text]}]}


def _plain_label(answer: Any) -> str:
    return str(answer["label"])


def _first_label(answer: Any) -> str:
    return _plain_label(answer[0])


def _first_output(answer: Any) -> str:
    return str(answer["outputs"][0]["data"][0])


RETUNE = System(
    "retune",
    "/predict",
    _texts,
    lambda answer: str(answer["predictions"][0]["label"]),
    lambda port: [sys.executable, "-m", "cli", "serve", "--port", str(port)],
    prepare=_register,
)
_ON_PATH = {"PYTHONPATH": f"{ROOT}:{PEERS}"}
_MLSERVER = f"/v2/models/{MODEL}/infer"
_BATCHING = {"max_batch_size": 64, "max_batch_time": 0.005}
SYSTEMS = [
    RETUNE,
    System("bentoml", "/classify", _text, _plain_label, _bento("bento_plain")),
    System("bentoml batchable", "/classify", _texts, _first_label, _bento("bento_batched")),
    System(
        "bentoml batchable, our engine", "/classify", _texts, _first_label, _bento("bento_batched"), {"OWN_ENGINE": "1"}
    ),
    System("litserve", "/predict", _text, _plain_label, _lit),
    System("litserve batched", "/predict", _text, _plain_label, _lit, {"BATCHED": "1"}),
    System("mlserver", _MLSERVER, _tensor, _first_output, _mlserver, _ON_PATH, _mlserver_settings({})),
    System("mlserver batched", _MLSERVER, _tensor, _first_output, _mlserver, _ON_PATH, _mlserver_settings(_BATCHING)),
    System("fastapi pipeline", "/predict", _text, None, _pipeline),
]
