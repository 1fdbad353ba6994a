"""The `studbook` command, and `python -m registry` where the script is not on the path."""

import gc


def main() -> None:
    """Load the command line and run it."""
    # What is imported stays: to look for garbage in it meanwhile takes a tenth of every command's first second.
    gc.disable()
    from registry.cli.main import main as run  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
