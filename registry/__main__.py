"""`python -m registry` is the `studbook` command, for where the script is not on the path."""

from registry.cli.main import main

main()
