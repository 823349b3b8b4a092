"""`python -m service`: the server without the command line, as the container image runs it."""

from __future__ import annotations

import sys

from core.config import load_config
from core.errors import RetuneError
from service.host.process import serve


def main() -> int:
    try:
        return serve(load_config())
    except RetuneError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    sys.exit(main())
