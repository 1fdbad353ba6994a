"""The README's session says what the program says, and its tables name commands that exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from making import floats, write_model

from registry.cli.licensing import Asks
from registry.cli.main import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CONFIG = {"architectures": ["TinyModel"], "model_type": "tiny", "hidden_size": 8, "num_hidden_layers": 2}
ANN = "/home/ann"
# What differs from run to run: keys, and with them the log's name; incidents, which say when they were issued; times.
VARIES = (
    (re.compile(r"studbook\.local/[0-9a-f]{16}"), "studbook.local/0000000000000000"),
    (re.compile(r"(incident )[0-9a-f]{12}"), r"\g<1>000000000000"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "2000-01-01 00:00 UTC"),
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def write_models(folder: Path) -> None:
    """Write the base and two fine-tunes in fractions that every machine computes alike, so that ids are alike."""
    for name, step in (("base", 0), ("poetry", 7), ("law", 11)):
        values = [(i - 32) / 64 + ((i * step) % 17 - 8) / 256 for i in range(64)]
        tensors = {
            f"layers.{layer}.weight": ("F32", (8, 8), floats(part))
            for layer, part in enumerate((values, values[::-1]))
        }
        write_model(folder / name, tensors, CONFIG)


def typed(folder: Path, commands: list[str]) -> str:
    """Type `commands` into one shell in `folder`, with a new home, and return what the screen shows."""
    home, tools = folder / "home", folder / "tools"
    home.mkdir()
    tools.mkdir()
    tool = tools / "studbook"
    tool.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m registry "$@"\n')
    tool.chmod(0o755)
    environment = {
        "PATH": f"{tools}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "STUDBOOK_HOME": f"{home}/.local/share/studbook",
        "COLUMNS": "110",
        "LC_ALL": "C.UTF-8",
    }
    script = "\n".join(f"printf '%s\\n' {shlex.quote(f'$ {one}')}\n{one}" for one in commands)
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.replace(str(home), ANN)


def settled(screen: str) -> list[str]:
    for pattern, same in VARIES:
        screen = pattern.sub(same, screen)
    return [line.rstrip() for line in screen.splitlines()]


def test_the_session_is_what_a_shell_shows(tmp_path):
    write_models(tmp_path)
    (recipe,) = blocks("yaml")
    (tmp_path / "recipe.yaml").write_text(recipe)
    (session,) = blocks("console")
    commands = [line.removeprefix("$ ") for line in session.splitlines() if line.startswith("$ ")]

    screen = typed(tmp_path, commands)

    assert settled(screen) == settled(session), f"the README's session is now:\n{screen}"


def test_the_first_block_is_the_two_commands_of_the_makefile():
    first = re.search(r"^```\w*\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert first is not None
    assert first[1] == "make demo\nmake test\n"
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in ("demo", "test"))


def written_commands() -> list[str]:
    return sorted({one for row in README.splitlines() if row[:1] == "|" for one in _in_row(row)})


def _in_row(row: str) -> list[str]:
    return re.findall(r"`studbook ([^`]+)`", row)


@pytest.mark.parametrize("written", written_commands())
def test_a_command_of_the_tables_is_understood_as_written(written):
    command, words = typer.main.get_command(app), written.split()
    while hasattr(command, "commands"):
        # What a command is asked about may stand where the name of one of its own is left out.
        left_out = isinstance(command, Asks) and words[0] not in command.commands
        name = "ask" if left_out else words.pop(0)
        assert name in command.commands, f"studbook {written}: there is no command {name}"
        command = command.commands[name]
    command.make_context(written, words)  # raises for what is missing, and for what is not an option


def test_every_command_stands_in_a_table():
    named = {written.split()[0] for written in written_commands()}
    assert named == set(typer.main.get_command(app).commands)
