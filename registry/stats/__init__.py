"""Statistics of registered models, computed with torch and transformers, signed and logged: inputs of merges that weigh by them.

Their values are attested by whoever computes them: another machine may get other last bits. The merge that uses them is
derived bit for bit from what is signed here (docs/arithmetic.md, "Statistics").
"""
