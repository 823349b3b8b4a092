"""`python -m cli` runs `retune`."""

from cli.main import main

main()
