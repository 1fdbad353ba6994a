"""Lineage: what the signed statements of a log mean together. Values in, values out; no database, clock or network.

A statement becomes a leaf of the log if three questions about it have good answers, each a pure function:

1. `predicates.facts(statement, entry)`: what does it establish? One file a statement type; facts are the closed union
   of `facts`, some of which stand by themselves: `incidents`, `checks` and `removals`; of a statement in somebody's own
   type, `foreign`, only that it was said.
2. `authority.check(root, statement, facts, keys, time)`: may these keys say that, by the trusted root in force? `succession`
   says which version may follow it, `ownership` of what only those who registered it may speak.
3. `admission.admit(facts, known)`: does it fit what the log holds? `admission.questions(facts)` says what must be known;
   `skeleton` which names look alike, `stages` what may still be said of an incident.

What the facts then mean:

- `standing`: which artifacts an incident reaches (`carries`, `spread`), and how an artifact stands: `Clean`, `Affected` with
  the path that explains why, or `Unknown` with what is missing. Unknown is not clean. `assessed`: what somebody found an incident
  to mean for one artifact; `status`: until when that counts, and what a policy lets it stop. `patterns`: which names a range means.
- `mentions`: what cards and configs say of an artifact, held against what is signed.
- `sameness`: which artifacts stubs are, by their owners' word.
- `remedy`: what is made again once something turned out bad, of what instead, and what cannot be.
- `residue`: what is left of a statement once an order had its payload removed.
- `rebuilds`: what executing a provenance again has shown, which edges are `reproduced` by it, and whether independent
  operators agree on it: a quorum. `rebuilders`: who passed what others found different.
- `licenses`: what is recorded of each license, one file each, which is the manual. `declared`: which of them a card's words
  mean. `terms`: which of them reach an artifact, along which relations. `conflicts` and `uses`: the fifteen rules about that,
  each of which gives a `finding`; `matrix`: which software licenses go together. `licensing.judge` makes one answer of all.
  `proposal`: which licenses something that is not made yet may declare, by the same rules. `waivers`: what somebody accepts of
  what they find, and until when.
- `around`: the slice of lineage about an artifact that a store hands over; `verdict.assess` makes everything `show` and
  `status` say from it.
- `subjects`: an artifact in its lineage, and an incident in its reach, as they are told to other tools.
- `dossier`: everything about an artifact and what is made of it, as one value for one page.
- `influence`: how much of a source is in what descends from it, by one pass over shares that are intervals.
- `paths`: how many paths lead from one artifact to another, and the heaviest. `kinship`: what several have in common, where a
  lineage begins, and how much of it is known. `selection`: which relatives are asked for. `difference`: what changed between
  two sizes of the log. `simulation`: what a report or another license would change.
- `compared`: what comparing weights says of an edge beside what rebuilding says.
- `graph`: distances and reasons in a slice. It alone loads networkx, and nothing here imports it, so that
  publishing never pays for it.

To add a statement type, drop a file into `predicates/`: a docstring that is its specification, `URI`, `ROLES`, `facts` and a
builder `statement`, with an example in `tests/statements.py`, from which it inherits every law.
"""
