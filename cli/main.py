"""The `retune` command; an error becomes one sentence and an exit code."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import click

from cli.accept import accept, decline, resume
from cli.alerts import alerts
from cli.audit import audit
from cli.check import check
from cli.completion import completion
from cli.context import Run
from cli.decisions import decisions
from cli.demo.command import demo
from cli.deploy.command import deploy
from cli.diff import diff
from cli.doctor import doctor
from cli.drift import drift
from cli.evaluate import evaluate
from cli.export import export
from cli.export_ledger import export_ledger
from cli.finetune import finetune
from cli.forget import forget
from cli.freeze import freeze, unfreeze
from cli.incidents import incidents
from cli.init import init
from cli.jobs import jobs
from cli.keys import keys
from cli.labels import labels
from cli.models import models
from cli.monitor import monitor
from cli.policy import policy
from cli.predict import predict
from cli.promote import promote, rollback
from cli.removal import delete, prune
from cli.report import report
from cli.retrain import retrain
from cli.score import score
from cli.sections import Sections
from cli.serve import serve
from cli.status import status
from cli.up import up
from cli.verify import verify
from cli.versions import register, versions
from cli.worker import worker
from core.errors import MissingExtra, RetuneError

MODULES = {
    "serve": "bentoml orjson prometheus_client starlette",
    "monitor": "evidently pandas",
    "train": "accelerate cleanlab jinja2 onnx onnxscript peft pyarrow safetensors scipy sklearn torch transformers",
}
EXTRA_OF = {module: extra for extra, modules in MODULES.items() for module in modules.split()}


@click.group(cls=Sections, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="retune")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="Config file [default: ./retune.toml].")
@click.option("--home", help="Folder of the state [default: .retune or RETUNE_HOME].")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def retune(context: click.Context, config_path: Path | None, home: str | None, debug: bool) -> None:
    """Keep a fine-tuned text classifier good after it has been deployed.

    \b
    The loop:  finetune → export → register → promote → serve → monitor → labels → retrain → worker
    Begin:     retune deploy FILE --model NAME --up
    Try it:    retune demo
    """
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, stream=sys.stderr, format="%(message)s")
    context.obj = Run(config_path, home, owns_process=bool(context.obj))


retune.add_sections(
    {
        "Data": [check, labels, export_ledger, forget],
        "Train": [deploy, finetune, evaluate, report, export, verify, retrain],
        "Serve": [
            register,
            versions,
            models,
            diff,
            promote,
            rollback,
            freeze,
            unfreeze,
            delete,
            prune,
            serve,
            up,
            predict,
            score,
        ],
        "Watch": [status, monitor, drift, decisions, incidents, policy, accept, decline, resume, audit, alerts],
        "Operate": [init, doctor, demo, worker, jobs, keys, completion],
    }
)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit: 0 success, 1 error, 2 wrong usage, 3 negative result of a check or the gate."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        sys.exit(retune.main(words, prog_name="retune", standalone_mode=False, obj=arguments is None))
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        _print_as_json(words, "usage", error.format_message())
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        print("Stopped.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if "--debug" in words:
            raise
        code, sentence = _described(error, words)
        print(f"Error: {sentence}", file=sys.stderr)
        _print_as_json(words, code, sentence)
        sys.exit(1)


def _described(error: Exception, words: list[str]) -> tuple[str, str]:
    """Code and sentence of an error."""
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in EXTRA_OF:
        package = str(error.name).split(".")[0]
        command = next((word for word in words if word in retune.commands), "")
        error = MissingExtra(command, package, EXTRA_OF[package])
    if isinstance(error, RetuneError):
        return error.code, str(error)
    if isinstance(error, OSError):
        return "system", _os_sentence(error)
    sentence = f"{type(error).__name__}: {error}"
    return "internal", f"{sentence}. This is a bug in Retune; run it again with --debug and report it."


def _print_as_json(words: list[str], code: str, message: str) -> None:
    """With `--json` an error is an object on stdout, too; words after `--` are texts."""
    options = words[: words.index("--")] if "--" in words else words
    if "--json" in options:
        print(json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False))


def _os_sentence(error: OSError) -> str:
    place = f" {error.filename}" if error.filename else ""
    return f"System error{place}: {error.strerror or error}. Check the path, its permissions and the disk."
