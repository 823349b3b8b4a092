"""`python -m cli` is `retune`."""

from cli.main import main

main()
