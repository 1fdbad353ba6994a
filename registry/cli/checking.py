"""What is checked of a merge: by which provenance, in part (--sample), and where it was made elsewhere (--against)."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape

from merger import folder as folders
from merger.manifest import BLOCK
from registry.cli.session import (
    Fails,
    counted,
    err,
    out,
    progress,
    say,
)
from registry.home import Home
from registry.work import against, logged, sample
from registry.work.engine import Computer
from registry.work.logged import Provenance
from registry.work.prepared import prepare
from registry.work.terms import RECIPE_LIMIT
from signing.canonical import Json

# Shares of altered blocks for which a sample says how likely they were to pass unseen.
_SHARES = (0.01, 0.05, 0.1)


def provenance(home: Home, ref: str) -> Provenance:
    """Return how an artifact was made, by the newest entry that can be read, and say which newer ones cannot."""
    found = logged.find(home, ref)
    if found.removed:
        newer = ", ".join(map(str, found.removed))
        err.print(
            f"note: entry {found.entry[:16]} says how {found.artifact} was made; entry {newer}, newer, was removed by an order",
            soft_wrap=True,
        )
    return found


def sampled(
    home: Home, ref: str, count: int, computer: Computer, threads: int, memory: int | None, *, as_json: bool
) -> None:
    """Check `count` blocks of a merge that are drawn now, and print the verdict with its odds; nothing is logged."""
    found = provenance(home, ref)
    with progress("sampling", count * BLOCK, quiet=as_json) as advance:
        checked = sample.check(home, found, count, computer, threads=threads, memory=memory, progress=advance)
    result = checked.sampled
    odds = [(share, result.escape(share)) for share in _SHARES]

    def show() -> None:
        agree = "the same bytes" if checked.here else "the signed digests agree"
        verdict = f"[bold green]{agree}[/]" if result.same else "[bold red]differs[/]"
        drawn = f"in {len(result.drawn)} of {counted(result.total, 'block')}, drawn at random"
        out.print(f"{verdict}  {found.artifact}, {drawn}", soft_wrap=True)
        for fault in result.faults:
            where = "" if fault.block is None else f", block {fault.block}"
            out.print(f"  {fault.name}{where}: {fault.said}", markup=False, soft_wrap=True)
        # Signed digests are not bound to files that nobody can read here, so of bytes there are no odds.
        lines = [
            f"a forgery that altered {f:.0%} of the blocks escapes with at most {p:.2g}"
            for f, p in odds
            if checked.here
        ]
        if result.witnessed and checked.here:
            lines.append("given that the entries of the account's witnesses that were not drawn are right")
        if not checked.here:
            lines.append("the merge's own files are not here: nothing is said of their bytes")
        for line in (*lines, "a sample is no rebuild: nothing was logged"):
            out.print(f"  {line}", soft_wrap=True)

    value: Json = {
        "artifact": found.artifact,
        "same": result.same,
        "blocks": [{"tensor": block.tensor, "block": block.number} for block in result.drawn],
        "of": result.total,
        "faults": [{"name": f.name, "block": f.block, "said": f.said} for f in result.faults],
        "escapes": [{"altered": share, "at_most": escapes} for share, escapes in odds if checked.here],
        "given_other_witnesses": result.witnessed,
        "files_here": checked.here,
    }
    say(as_json, value, show)
    if not result.same:
        raise Fails


def compared(
    home: Home,
    folder: Path,
    recipe: Path,
    ulp: int,
    computer: Computer,
    *,
    threads: int,
    factor: int,
    memory: int | None,
    as_json: bool,
) -> None:
    """Compare a merge made elsewhere with what its recipe makes, and print how far apart they are; nothing is logged."""
    with recipe.open("rb") as file:
        prepared = prepare(home, file.read(RECIPE_LIMIT + 1))
    for note in prepared.notes:
        err.print(f"note: {note}", markup=False, soft_wrap=True)
    # Hashed once, made once; what differs is read again, which nobody knows beforehand.
    with progress("comparing", 2 * folders.size(folder), quiet=as_json) as advance:
        found = against.compare(
            home,
            prepared,
            folder,
            computer,
            threads=threads,
            factor=factor,
            memory=memory,
            progress=advance,
        )
    say(as_json, _comparison(found, folder, ulp), lambda: _show_comparison(found, folder, ulp))
    if not found.same:
        raise Fails


def _verdict(found: against.Against, ulp: int) -> str:
    return "bit-identical" if found.same else f"within {ulp} ulp" if found.within(ulp) else "different"


def _comparison(found: against.Against, folder: Path, ulp: int) -> Json:
    return {
        "folder": str(folder),
        "made": found.artifact,
        "same": found.same,
        "verdict": _verdict(found, ulp),
        "identical": found.tensors - sum(one.made for one in found.apart),
        "tensors": [
            {
                "tensor": one.tensor,
                "elements": one.elements,
                "differing": one.differing,
                "first": one.first,
                "ulp": one.ulp,
                "odd": one.odd,
            }
            for one in found.apart
        ],
        "files": [{"file": name, "said": said} for name, said in found.files],
        "masks": [
            {
                "tensor": one.tensor,
                "rescale": one.rescale,
                "explained": one.explained.share,
                "parents": [
                    {"parent": place, "density": one.explained.density(i), "told": one.explained.told[i]}
                    for i, place in enumerate(one.parents)
                ],
            }
            for one in found.masks
        ],
        "masks_not_tried": found.unexplained,
    }


def _show_comparison(found: against.Against, folder: Path, ulp: int) -> None:
    colour = "green" if found.same else "yellow" if found.within(ulp) else "red"
    identical = found.tensors - sum(one.made for one in found.apart)
    out.print(
        f"[bold {colour}]{_verdict(found, ulp)}[/]  {escape(str(folder))}: {identical} of "
        f"{counted(found.tensors, 'tensor')} bit-identical to what the recipe makes",
        soft_wrap=True,
    )
    for one in found.apart:
        far = "" if one.ulp is None else f", at most {one.ulp} ulp apart"
        what = one.odd or f"{one.differing} of {one.elements} differ from element {one.first} on{far}"
        out.print(f"  {one.tensor}: {what}", markup=False, soft_wrap=True)
    for masks in found.masks:
        densities = [masks.explained.density(i) for i in range(len(masks.parents))]
        said = ", ".join(
            f"parent {place + 1} kept in {'?' if density is None else f'{density:.4f}'}"
            for place, density in zip(masks.parents, densities, strict=True)
        )
        out.print(
            f"  {masks.tensor}: masks explain {masks.explained.share:.4%} (rescaled by {masks.rescale}); {said}",
            markup=False,
            soft_wrap=True,
        )
    if found.unexplained:
        out.print(f"  masks were not tried: {found.unexplained}", markup=False, soft_wrap=True)
    for name, said in found.files:
        out.print(f"  besides the weights: {name} {said}", markup=False, soft_wrap=True)
