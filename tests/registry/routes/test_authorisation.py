"""Who may say what over HTTP: every kind of statement, signed with every key a home has and with a stranger's."""

import pytest
from fastapi.testclient import TestClient
from world import OPERATOR, World

from lineage import predicates
from lineage.assessed import Assessed
from lineage.checks import Compared, Evaluated
from lineage.facts import Waived
from lineage.predicates import (
    card,
    claims,
    containment,
    derivation,
    dispute,
    embargo,
    evaluation,
    incident,
    incident_amendment,
    incident_change,
    incident_status,
    license_gate,
    manifest,
    name,
    parentage,
    provenance,
    rebuild,
    redaction,
    root,
    same_as,
    search,
    signature,
    supersession,
    waiver,
)
from lineage.predicates import license as license_predicate
from lineage.residue import residue
from merger.recipe import Recipe
from signing import dsse
from signing.keys import PrivateKey
from signing.statement import Statement

HELD = {
    "root": {"root"},
    "publisher": {"publisher", "builder", "rebuilder"},
    "security": {"security"},
    "log": set(),
    "stranger": set(),
}


class Said:
    """One statement of every type, each of which would be admitted from the right key."""

    def __init__(self, world: World) -> None:
        self.artifact, parent = world.model(), world.model()
        reported = world.report(self.artifact, "compromised", stage="reported")
        recipe = Recipe.of(
            {
                "arithmetic": "1",
                "method": "linear",
                "parents": [{"model": parent, "parameters": {"weight": "1"}}],
                "parameters": {"normalize": True},
            }
        )
        built = provenance.statement(self.artifact, recipe, "0" * 64, "2" * 64, "0.1.0", {}, by_rows=False)
        build = world.publish("builder", built)[0].entry
        fresh = provenance.statement(self.artifact, recipe, "1" * 64, "2" * 64, "0.1.0", {}, by_rows=False)
        following = world.home.root().model_copy(update={"version": 2})
        now = world.time
        self.statements: dict[str, Statement] = {
            one.predicate_type: one
            for one in (
                signature.statement("fresh", {"a.bin": "ab" * 32}),
                manifest.statement(self.artifact, "cd" * 32),
                derivation.statement(self.artifact, [derivation.Parent(parent, "finetune")]),
                search.statement(self.artifact, "adamerging", [parent], "0" * 64, None),
                license_predicate.statement(self.artifact, "mit", now),
                waiver.statement(
                    Waived(self.artifact, "LIC-ND-DERIVED", parent, "mit", "kennel", "asked", now + 60), now
                ),
                license_gate.statement("kennel/log", "a sale", now, shut=False),
                claims.statement("README.md", "ab" * 32, [claims.Claim("hf:acme/card", (), "mit")], now),
                name.statement(self.artifact, "kennel/fresh", None, now),
                fresh,
                rebuild.statement(self.artifact, build, OPERATOR, now, []),
                evaluation.statement(
                    Evaluated(self.artifact, "FAILED", "0" * 64, "harness 1", "acc", "0.5", n=10, seed=None)
                ),
                incident.statement(
                    [self.artifact], "privacy", "low", "reported", "x", contact="x", issued=now
                ),
                containment.statement("0" * 64, [self.artifact]),
                incident_amendment.statement(reported, "worse", severity="critical", issued=now),
                incident_change.statement(reported, "confirmed", "it is so"),
                embargo.statement("ab" * 32, "vet"),
                dispute.statement(reported, self.artifact, "it is not so", None, now),
                incident_status.statement(
                    Assessed(self.artifact, reported, "affected", None, None, None, "it is"), now
                ),
                root.statement(following),
                supersession.statement(self.artifact, parent),
                card.statement(self.artifact, "README.md", [], "mit"),
                same_as.statement(self.artifact, "hf:acme/base", "owner"),
                parentage.statement([Compared(self.artifact, parent, "consistent", "alone", "1", "0.6")]),
                redaction.statement(
                    build, "an order", residue(built.predicate_type, predicates.facts(built, build))
                ),
            )
        }


def test_there_is_a_statement_of_every_type_in_the_table(world: World) -> None:
    assert Said(world).statements.keys() == predicates.discovered().keys()


@pytest.mark.parametrize("uri", sorted(predicates.discovered()))
def test_only_a_key_with_the_role_may_say_it(world: World, api: TestClient, uri: str) -> None:
    said = Said(world).statements[uri]
    before = world.size()
    needed = set(predicates.roles(uri))
    for holder, roles in sorted(HELD.items(), key=lambda one: bool(needed & one[1])):
        key = PrivateKey.generate("ecdsa-p256") if holder == "stranger" else world.home.keys(holder)

        response = api.post("/entries", content=dsse.sign(said.encode(), [key]).encode())

        if needed & roles:
            assert response.status_code == 201, response.json()
            continue
        assert response.status_code == 403
        kind = "untrusted" if holder in ("log", "stranger") else "forbidden"
        assert response.json()["type"] == f"https://studbook.dev/problems/{kind}"
        assert world.size() == before
    assert world.size() == before + 1


def test_a_signature_lent_by_another_statement_is_nobodys(world: World, api: TestClient) -> None:
    artifact = world.model()
    mine = dsse.sign(license_predicate.statement(artifact, "mit", 1).encode(), [world.home.keys("publisher")])
    other = license_predicate.statement(artifact, "gpl-3.0", 1).encode()
    before = world.size()

    forged = dsse.Envelope(mine.payload_type, other, mine.signatures)
    response = api.post("/entries", content=forged.encode())

    assert (response.status_code, response.json()["type"]) == (403, "https://studbook.dev/problems/untrusted")
    assert world.size() == before
    world.check()
