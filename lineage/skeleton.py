"""Skeleton: what is left of a name once everything is gone that a reader may take for something else.

Two names with one skeleton look alike. The mapping is that of UTS #39, Unicode Security Mechanisms, section 4
(https://www.unicode.org/reports/tr39/, data in confusables.txt), for the characters that a name may hold: ASCII letters,
digits, `-`, `_`, `.` and the `/` between its parts. Of the standard's mappings these concern it: 0 to O, 1 to l, I to l,
m to rn. What differs from it, and why:

- Case is folded first, because names are unique under case folding. `I` and `i` are then one letter, so that `i` has to go
  with `l`: `modeI` looks like `model`, and is `modei`.
- `w` goes to `vv` and `d` to `cl`, on the ground on which the standard has `m` go to `rn`: two letters that touch.
- A run of separators is one, whichever they are: people say, type and remember `llama_2`, `llama-2` and `llama.2` as one
  name, and the Python Package Index has counted them as one since PEP 503. A run is not dropped, since `llama-2-7b` and
  `llama-27b` are honestly two. At the end of a part it is dropped: after a name in a sentence it is punctuation.

Letters and digits that only resemble each other (5 and S, 2 and Z) are as different here as they are in the standard.
"""

from __future__ import annotations

import re

# From left to right once is enough: nothing on the right stands on the left.
_PROTOTYPES = str.maketrans({"0": "o", "1": "l", "i": "l", "m": "rn", "w": "vv", "d": "cl"})
_SEPARATORS = re.compile(r"[._-]+")
_TRAILING = re.compile(r"-(?=/|$)")


def skeleton(name: str) -> str:
    """Return what `name` (`namespace/name`) has in common with every name that looks like it."""
    plain = name.casefold().translate(_PROTOTYPES)
    return _TRAILING.sub("", _SEPARATORS.sub("-", plain))
