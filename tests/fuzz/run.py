"""Fuzz the parsers, guided by coverage: `python tests/fuzz/run.py TARGET --minutes N`, or `--all` with each target's own time.

What is found goes into the corpus, which the tests replay: an input that reaches what none did before by the beginning of its
SHA-256, one that breaks its parser as `crash-` and that. It ends with 1 if there was any of those. Needs the extra `fuzz`.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE.parent)]

from fuzz.judging import CORPUS, names, target  # noqa: E402 - found by the line above

from signing.digest import sha256_hex  # noqa: E402

# For what never ends: `judge` counts what ends late, by processor time, since another process may have the processor.
_ENDLESS = 300
_MEMORY_MB = 2048
# The rest of what a run found is found again from these.
_MOST_FILES, _MOST_BYTES = 200, 64 << 10
_RAN = re.compile(rb"stat::number_of_executed_units:\s+(\d+)")
_COVERED = re.compile(rb"cov: (\d+) ft: (\d+)")


def main() -> int:
    said = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    said.add_argument("target", nargs="*", help=", ".join(names()))
    said.add_argument("--all", action="store_true", help="every target, each as long as it says")
    said.add_argument("--minutes", type=float, help="how long each is fuzzed, instead")
    said.add_argument(
        "--beside",
        type=Path,
        action="append",
        default=[],
        help="a folder of inputs to begin with, too; of what is made of them only what breaks a parser is kept",
    )
    words = said.parse_args()
    chosen = names() if words.all else words.target
    if not chosen or set(chosen) - set(names()):
        said.error(f"name targets, or --all; there are {', '.join(names())}")
    return max([_fuzzed(one, words.minutes or target(one).MINUTES, words.beside) for one in chosen])


def _fuzzed(name: str, minutes: float, beside: list[Path]) -> int:
    """Fuzz one target, say what came of it, and return 1 if something broke it."""
    of, kept = target(name), CORPUS / name
    with tempfile.TemporaryDirectory() as folder:
        found, broken, least = (Path(folder, part) for part in ("found", "broken", "least"))
        for one in (found, broken, least):
            one.mkdir()
        dictionary = Path(folder, "words")
        dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in of.WORDS))
        limits = [f"-max_len={of.LONGEST}", f"-timeout={_ENDLESS}", f"-rss_limit_mb={_MEMORY_MB}"]
        words = [*limits, f"-dict={dictionary}", f"-artifact_prefix={broken}/", "-print_final_stats=1"]
        folders = [str(one) for one in (found, kept, *beside)]
        end, inputs, crashes, told = time.monotonic() + 60 * minutes, 0, list[Path](), b""
        # What breaks it when run once more is a finding. Else the machine stood still, say, and the time is not over.
        while not crashes and (left := int(end - time.monotonic())) > 0:
            told, _ = _run(name, *words, f"-max_total_time={left}", *folders)
            ran = sum(int(one) for one in _RAN.findall(told))
            inputs += ran
            if not ran:
                break
            crashes = [one for one in broken.iterdir() if _run(name, *limits, str(one))[1] != 0]
        covered = _COVERED.findall(told)[-1:] or [(b"0", b"0")]
        if not beside:  # others' files may not be ours to hand on, nor what is made of them
            # Edges alone: how often one was passed would keep ten times as many inputs.
            _run(name, *limits, "-merge=1", "-use_counters=0", str(least), str(kept), str(found))
            _keep(least, kept)
        for one in crashes:
            _store(kept, one.read_bytes(), "crash-")
        print(
            f"{name}: {inputs} inputs in {minutes:g} min, {int(covered[0][0])} edges, {int(covered[0][1])} features,"
            f" {len(list(kept.iterdir()))} kept, {len(crashes)} broke it",
            flush=True,
        )
        if crashes or not inputs:
            print(told.decode(errors="replace")[-4000:], flush=True)
        return int(bool(crashes) or not inputs)


def _run(name: str, *words: str) -> tuple[bytes, int]:
    """Run the harness; return what it says and its exit code."""
    command = [sys.executable, str(HERE / "harness.py"), f"--target={name}", *words]
    paths = f"{ROOT}:{HERE.parent}"
    done = subprocess.run(
        command, env={"PYTHONPATH": paths}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.stdout, done.returncode


def _keep(least: Path, kept: Path) -> None:
    """Store what reaches something that the corpus did not, smallest first, as far as there is room."""
    sizes = [one.stat().st_size for one in kept.iterdir()]
    room, files = _MOST_BYTES - sum(sizes), _MOST_FILES - len(sizes)
    for one in sorted(least.iterdir(), key=lambda path: path.stat().st_size)[: max(files, 0)]:
        data = one.read_bytes()
        room -= len(data)
        if room >= 0:
            _store(kept, data, "")


def _store(kept: Path, data: bytes, mark: str) -> None:
    (kept / f"{mark}{sha256_hex(data)[:16]}").write_bytes(data)


def _escaped(word: bytes) -> str:
    return "".join(chr(b) if 0x20 <= b < 0x7F and b not in b'"\\' else f"\\x{b:02x}" for b in word)


if __name__ == "__main__":
    sys.exit(main())
