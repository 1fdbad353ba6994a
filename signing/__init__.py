"""Bytes, keys and proofs: who said what about which files, and how anyone can check that it was logged.

Pure: values in, values out; no socket, no clock, no file. Every format is one that strangers' tools read.

| module | knows |
|---|---|
| `errors` | `Refused`: `Malformed`, `Untrusted`, `Forbidden` |
| `digest` | the id of an artifact, and which file names it may hold |
| `canonical` | JSON: RFC 8785 out, strict I-JSON in |
| `keys` | ECDSA P-256 and Ed25519 |
| `dsse` | signed envelopes (DSSE v1.0.2) |
| `statement`, `oms` | in-toto statements, and the one that lists a model's files (OMS v1.0) |
| `sigstore`, `certificate` | that statement in a file that strangers' tools check, and whose key signed it by a root's word |
| `merkle` | the tree of the log (RFC 6962, RFC 9162), as arithmetic |
| `tiles` | the tree in files that any web server can serve (C2SP tlog-tiles) |
| `log`, `checkpoint`, `bundle` | a leaf, the log's signed root, and both with a statement in one file |
| `proof`, `fork` | a leaf's proof as other logs' tools read it, and the proof that a log signed two histories |

From two files to a proof that their signature was logged, checked offline:

>>> from signing import bundle, checkpoint, digest, dsse, log, merkle, oms
>>> from signing.keys import PrivateKey
>>> files = {"config.json": digest.sha256_hex(b"{}"), "model.safetensors": digest.sha256_hex(b"weights")}
>>> digest.artifact_id(files)
'sha256:4d29798c6e59eb7dfc2b375b8998040ed29cf33c98038b41e9717a6c37f5dad7'

A publisher signs the statement that the model consists of exactly these files:

>>> publisher, log_key = PrivateKey.generate("ecdsa-p256"), PrivateKey.generate("ed25519")
>>> envelope = dsse.sign(oms.statement("tiny", files).encode(), [publisher])

The log writes down what was signed, by whom and when, and signs its own size and root:

>>> leaf = log.Leaf(envelope.entry, (publisher.public.id,), time=1_750_000_000)
>>> root = merkle.root(1, [merkle.leaf_hash(leaf.encode())])
>>> note = checkpoint.sign(checkpoint.Checkpoint("studbook.example/log", 1, root), log_key)
>>> one_line = bundle.Bundle(envelope.encode(), leaf, 0, (), note).encode()

Whoever pinned the two public keys needs that line and nothing else, and learns what was proven:

>>> received = bundle.Bundle.parse(one_line)
>>> proven = bundle.verify(received, [publisher.public], "studbook.example/log", log_key.public)
>>> proven.index, proven.size, proven.time, proven.keys == {publisher.public}
(0, 1, 1750000000, True)
>>> digest.artifact_id(oms.files(proven.statement)) == digest.artifact_id(files)
True
>>> bundle.verify(received, [log_key.public], "studbook.example/log", log_key.public)
Traceback (most recent call last):
signing.errors.Untrusted: no trusted key signed the entry ...
"""
