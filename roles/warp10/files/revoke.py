"""Withdraw a token: add it to the list that the server reads every ten seconds; wait for a refusal.

If TOKEN is empty, the script only writes an empty list if there is none. Arguments: the server's
folder; with a token also the server's URL and the seconds to wait. Prints what it did; the token
itself is in no argument and is never printed.
"""

import hashlib
import json
import os
import re
import shutil
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TOKEN = ""
MASK = (1 << 64) - 1
folder = Path(sys.argv[1])
lists = folder / "revoked"


def ident(token: bytes) -> str:
    """Return the identifier of a token in Warp 10's list.

    It is SipHash-2-4 (doi:10.1007/978-3-642-34931-7_28) of the token followed by its reverse.
    """
    token += token[::-1]
    secrets = (folder / "secrets.conf").read_text()
    key = bytes.fromhex(re.search(r"^warp\.hash\.token = hex:([0-9a-f]{32})$", secrets, re.M)[1])
    k0, k1 = (int.from_bytes(half, "big") for half in (key[:8], key[8:]))
    v = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]

    def turned(number: int, by: int) -> int:
        return (number << by | number >> 64 - by) & MASK

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = v[0] + v[1] & MASK
            v[2] = v[2] + v[3] & MASK
            v[1] = turned(v[1], 13) ^ v[0]
            v[3] = turned(v[3], 16) ^ v[2]
            v[0] = turned(v[0], 32)
            v[2] = v[2] + v[1] & MASK
            v[0] = v[0] + v[3] & MASK
            v[1] = turned(v[1], 17) ^ v[2]
            v[3] = turned(v[3], 21) ^ v[0]
            v[2] = turned(v[2], 32)

    padded = token + bytes(7 - len(token) % 8) + bytes([len(token) % 256])
    for begin in range(0, len(padded), 8):
        word = int.from_bytes(padded[begin : begin + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return f"{v[0] ^ v[1] ^ v[2] ^ v[3]:016x}"


def lay(idents: set[str]) -> None:
    """Replace the list by one with these identifiers; by a new name the server knows a new list."""
    text = "".join(f"{one}\n" for one in sorted(idents))
    now, digest = time.time_ns() // 1_000_000, hashlib.md5(text.encode()).hexdigest()
    name = f"helloexoworld.full.{now}-{digest}.trl"
    os.umask(0o077)
    new = lists / "new"
    new.write_text(text)
    shutil.chown(new, "warp10", "warp10")
    older = list(lists.glob("*.trl"))
    new.rename(lists / name)
    for path in older:
        path.unlink()


def asked(url: str, body: bytes, headers: dict[str, str]) -> bool:
    """Return whether the server answers a request with success."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, body, headers), timeout=20) as reply:
            return reply.status == 200
    except urllib.error.HTTPError:
        return False


def accepted(url: str, token: str) -> bool:
    """Return whether a server accepts a token, to read or to write."""
    return asked(f"{url}/api/v0/exec", f"'{token}' AUTHENTICATE".encode(), {}) or asked(
        f"{url}/api/v0/update", b"", {"X-Warp10-Token": token}
    )


there = {line for path in lists.glob("*.trl") for line in path.read_text().split()}
if not TOKEN:
    if not any(lists.glob("*.trl")):
        lay(set())
        print("laid")
    sys.exit()

url, seconds = sys.argv[2], float(sys.argv[3])
begun = time.monotonic()
own = [
    path.stem
    for path in sorted((folder / "tokens").glob("*.token"))
    if path.read_text().strip() == TOKEN
]
before = accepted(url, TOKEN)
lay(there | {ident(TOKEN.encode())})
while accepted(url, TOKEN):
    if time.monotonic() - begun > seconds:
        sys.exit(
            f"The server takes the token still after {seconds:.0f} s, though it is on the list "
            f"in {lists}: restart Warp 10."
        )
    time.sleep(1)
for name in own:
    (folder / "tokens" / f"{name}.token").unlink()
print(json.dumps({"own": own, "before": before, "seconds": round(time.monotonic() - begun, 1)}))
