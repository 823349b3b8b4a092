"""`retune predict`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cli.context import Run, pass_run
from core.datasets import Text
from core.engine import Engine
from core.errors import EmptyText, UnpairedTexts
from core.prediction_json import answer
from core.share import percent


@click.command()
@click.argument("texts", nargs=-1, required=True, metavar="TEXT…")
@click.option("--model", required=True, help="Name of the model.")
@click.option("--pair", "pairs", multiple=True, metavar="TEXT", help="Second text of a pair; once for each TEXT.")
@click.option("--top-k", type=click.IntRange(1), default=3, show_default=True, help="Labels to show with their scores.")
@pass_run
def predict(run: Run, texts: tuple[str, ...], model: str, pairs: tuple[str, ...], top_k: int) -> None:
    """Predict texts, or pairs, with the champion, without a server; nothing is written to the ledger."""
    if pairs and len(pairs) != len(texts):
        raise UnpairedTexts(len(texts), len(pairs))
    version = run.home.registry.champion(model).version
    engine = Engine(run.home.registry.verified_folder(model, version))
    for number, given in enumerate(zip(texts, pairs or texts, strict=True), 1):
        if not all(part.strip() for part in given):
            raise EmptyText(number)
    inputs: Sequence[Text] = list(zip(texts, pairs, strict=True)) if pairs else texts
    encoded = engine.encode(inputs)
    outputs = engine.answer_encoded(encoded)
    predictions = [answer(engine, item, outputs.row(index), top_k=top_k) for index, item in enumerate(encoded)]
    run.emit(
        {"model": model, "version": version, "predictions": predictions},
        *(
            f"{item['label'] or '(no label)':<24} {percent(item['score'])}  {_shown(given)}"
            for item, given in zip(predictions, inputs, strict=True)
        ),
    )


def _shown(given: Text) -> str:
    return given if isinstance(given, str) else " / ".join(given)
