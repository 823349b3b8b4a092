"""`retune completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cli.context import Run, pass_run

SHELLS = ("bash", "zsh", "fish")
WHERE = {
    "bash": 'eval "$(retune completion bash)"  # in ~/.bashrc',
    "zsh": 'eval "$(retune completion zsh)"  # in ~/.zshrc, after compinit',
    "fish": "retune completion fish > ~/.config/fish/completions/retune.fish",
}
# Bash would take the version in NAME@VERSION for a word of its own.
ONE_WORD = "COMP_WORDBREAKS=${COMP_WORDBREAKS//@}\n"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@pass_run
@click.pass_context
def completion(context: click.Context, run: Run, shell: str) -> None:
    """Print the script with which a shell completes commands, options, and names of models and versions."""
    kind = get_completion_class(shell)
    assert kind is not None
    source = kind(context.find_root().command, {}, "retune", "_RETUNE_COMPLETE").source()
    script = (ONE_WORD if shell == "bash" else "") + source
    run.emit({"shell": shell, "script": script, "install": WHERE[shell]}, script)
