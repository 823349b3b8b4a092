"""A home or config that was not meant is an error, and one without a model is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.test_errors import assert_error


@pytest.mark.parametrize("words", [("--home", "", "versions", "m"), ("demo", "--home", " ")])
def test_an_empty_home_in_the_options_is_an_error(retune: Command, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert_error(retune(*words), "'home' in the options", "it is empty")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_host_in_the_options_is_an_error(retune: Command) -> None:
    assert_error(retune("serve", "--host", ""), "'host' in the options", "it is empty")
