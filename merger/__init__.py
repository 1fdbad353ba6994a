"""Recipes and what they make: merges that anyone can derive again, bit for bit.

A **recipe** (`recipe`) says what to merge: parents by artifact id, a method, decimal parameters, a seed. The mergekit
dialect (`dialect`) is an input that compiles to it. A **manifest** (`manifest`) lists an artifact's tensors with their
digests. A **plan** (`plan`) resolves recipe and manifests into one instruction per tensor and refuses every
incompatibility before a byte of weights is read. `execute` streams the plan into files; `replay` compares two results.
Methods are one file each in `methods/` and compose the kernels of a backend in `kernels/`.

What a merge computes is `docs/arithmetic.md`, to the bit. Importing `merger` loads nothing heavy.
"""
