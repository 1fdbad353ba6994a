"""Who is trusted while fuzzing, and what they signed: whatever else the parsers accept under these keys would be forged.

The private halves were thrown away when the corpus had been signed.
"""

from pathlib import Path

from signing.digest import sha256_hex
from signing.keys import PublicKey

ORIGIN = "studbook.example/log"
LOG_KEY = PublicKey.parse(b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA6hHopZJ5jQmGxwR5w3mGEqfcaK3x0AP2Xaq/cQqhnjo=
-----END PUBLIC KEY-----
""")
PUBLISHER = PublicKey.parse(b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYnD2IgPLtFrep4eFaPqJt4H40wrI
oZ5V3p8zlGwR92+MUZdDCH3xwB5U35xxPzZM8Mb6iyikvVgFK6zHu4v3xw==
-----END PUBLIC KEY-----
""")

# A log of three entries, all by the publisher; the second is the signature of a model with these files.
FILES = {"model.safetensors": sha256_hex(b"weights"), "a/config.json": sha256_hex(b"config")}
ENTRY = "78d14e2be494a7510332874c8f7e49be5d827a386de5afcf8c93c0c1c0883ab6"
INDEX, TIME = 1, 1_800_000_000
LEAF = f'{{"keys":["{PUBLISHER.id}"],"pae":"{ENTRY}","time":{TIME},"v":1}}'.encode()
_TWO = f"{ORIGIN}\n2\n4fDEPf7CbRDl3ZfUwGIT4iIqEY2qEtgi2N/3f71epmU=\n"
_THREE = f"{ORIGIN}\n3\nO9OzWLk2ch1o/1ZkmWpK0FtFL8FzG14qWlnuFyCExSg=\n"
NOTES = (_TWO, _THREE, f"{_THREE}more said\n")
SIZES = (2, 3)

# Written by `model_signing` 1.1.1, whose key and certificates stand beside the tests of signature files.
_WRITTEN = Path(__file__).parents[1] / "signing" / "model_signing"
THEIR_ROOT = (_WRITTEN / "root.pem").read_bytes()
THEIR_FILES = {"a-b/x": sha256_hex(b"two"), "a/x": sha256_hex(b"one"), "é.txt": sha256_hex(b"drei")}
