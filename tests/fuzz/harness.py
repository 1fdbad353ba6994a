"""One target under libFuzzer: `run.py` starts this in a process of its own, since libFuzzer ends the process it runs in.

`--target=NAME` names the target, the rest is libFuzzer's, which reads nothing that begins with two dashes.
"""

import shlex
import sys

import atheris
from fuzz.judging import SECONDS, judge, target
from fuzz.mutating import mutator

# Coverage is counted in what reads strangers' bytes: our own parsers, and the one in Python that they call.
INSTRUMENTED = ["signing", "lineage", "merger", "yaml", "rfc8785"]

# Counting takes time, most of it where a loop goes over characters.
SLOWER = 4


def main() -> None:
    script, named, *words = sys.argv
    with atheris.instrument_imports(include=INSTRUMENTED):
        of = target(named.removeprefix("--target="))

    def one(data: bytes) -> None:
        judge(of, data, SLOWER * SECONDS)

    def mutate(data: bytes, longest: int) -> bytes:
        # `Fuzz` puts another function into its place.
        return atheris.Mutate(data, longest)

    # A merge of corpora starts this again, by a shell and with these words.
    again = shlex.join([sys.executable, script])
    atheris.Setup([again, named, *words], one, custom_mutator=mutator(mutate))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
