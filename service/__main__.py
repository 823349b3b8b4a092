"""`python -m service`: the server without the command line, as the container image runs it."""

from __future__ import annotations

import sys

from core.config import load_config
from core.config_sources import sources_of
from core.errors import RetuneError
from service.host.process import serve

if __name__ == "__main__":
    try:
        sys.exit(serve(load_config(), sources=sources_of()))
    except RetuneError as error:
        sys.exit(str(error))
