"""Register one small model after another until killed; say each receipt once the log has acknowledged it."""

import sys
from pathlib import Path

from lineage.predicates import license as license_predicate
from lineage.predicates import name, signature
from registry.home import Home
from signing.digest import artifact_id

home, who = Home.open(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)  # noqa: T201 - the test listens
for count in range(1_000_000):
    files = {"model.safetensors": f"{int(who):032x}{count:032x}"}
    artifact = artifact_id(files)
    receipts = home.say(
        "publisher",
        signature.statement(f"pup-{who}-{count}", files),
        name.statement(artifact, f"litter/pup-{who}-{count}", None, home.now()),
        license_predicate.statement(artifact, "mit", home.now()),
    )
    for receipt in receipts:
        print(receipt.index, receipt.entry, flush=True)  # noqa: T201 - the test listens
