#!/usr/bin/python
from __future__ import annotations

DOCUMENTATION = r"""
module: warp10_revocations
short_description: Withdraw a token of a Warp 10 server
description:
  - Adds the token to the list of withdrawn tokens, which the server reads every ten seconds, waits
    until the server refuses it, and removes the files in which the server keeps it.
  - Without a token, only creates an empty list if there is none.
  - The token itself is neither in the result nor in a log.
options:
  folder:
    description: The folder of the server's configuration.
    type: path
    default: /etc/warp10
  token:
    description: The token to withdraw.
    type: str
  url:
    description: The server's URL.
    type: str
  patience:
    description: Seconds to wait until the server refuses the token.
    type: int
    default: 60
  owner:
    description: The user of the server.
    type: str
    default: warp10
"""

EXAMPLES = r"""
- name: Create the empty list of withdrawn tokens once
  warp10_revocations:

- name: Withdraw a token
  warp10_revocations:
    token: "{{ leaked }}"
    url: http://192.0.2.10:9000
"""

RETURN = r"""
own:
  description: The names by which the server kept the token.
  returned: success
  type: list
  elements: str
  sample: [read]
accepted:
  description: Whether the server accepted the token before.
  returned: success
  type: bool
seconds:
  description: After how many seconds the server refused the token.
  returned: success
  type: float
  sample: 7.2
"""

import hashlib
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.private_file import write
from ansible.module_utils.siphash import siphash


class RefusalError(Exception):
    """The server was not seen to refuse the token."""


def ident(folder: Path, token: bytes) -> str:
    """Return the identifier of a token in Warp 10's list: a hash of the token and its reverse."""
    secrets = (folder / "secrets.conf").read_text()
    key = bytes.fromhex(re.search(r"^warp\.hash\.token = hex:([0-9a-f]{32})$", secrets, re.M)[1])
    # Warp 10 reads the key's halves with their first byte as the highest.
    return f"{siphash(key[7::-1] + key[:7:-1], token + token[::-1]):016x}"


def lay(lists: Path, idents: set[str], owner: str) -> None:
    """Replace the list by one with these identifiers; by a new name the server knows a new list."""
    text = "".join(f"{one}\n" for one in sorted(idents))
    now, digest = time.time_ns() // 1_000_000, hashlib.md5(text.encode()).hexdigest()
    older = list(lists.glob("*.trl"))
    write(lists / f"helloexoworld.full.{now}-{digest}.trl", text, owner)
    for path in older:
        path.unlink()


def asked_for(url: str, body: bytes, headers: dict[str, str]) -> bool:
    """Return whether the server answers a request with success."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, body, headers), timeout=20) as reply:
            return reply.status == 200
    except urllib.error.HTTPError:
        return False
    except OSError as error:
        raise RefusalError(
            f"The server does not answer at {url}, so nobody knows whether it takes the token "
            f"({error}): start Warp 10 and run this again."
        ) from None


def accepted(url: str, token: str) -> bool:
    """Return whether a server accepts a token, to read or to write."""
    return asked_for(f"{url}/api/v0/exec", f"'{token}' AUTHENTICATE".encode(), {}) or asked_for(
        f"{url}/api/v0/update", b"", {"X-Warp10-Token": token}
    )


def withdraw(folder: Path, asked: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Withdraw a token, or with `check` only say what would be done."""
    lists, token, url = folder / "revoked", asked["token"], asked["url"]
    there = {line for path in lists.glob("*.trl") for line in path.read_text().split()}
    begun = time.monotonic()
    own = [
        path
        for path in sorted((folder / "tokens").glob("*.token"))
        if path.read_text().strip() == token
    ]
    before, new = accepted(url, token), ident(folder, token.encode())
    result = {"own": [path.stem for path in own], "accepted": before}
    result["changed"] = before or bool(own) or new not in there
    if result["changed"] and not check:
        lay(lists, there | {new}, asked["owner"])
        while accepted(url, token):
            if time.monotonic() - begun > asked["patience"]:
                raise RefusalError(
                    f"The server takes the token still after {asked['patience']} s, though it is "
                    f"on the list in {lists}: restart Warp 10."
                )
            time.sleep(1)
        for path in own:
            path.unlink()
    return result | {"seconds": round(time.monotonic() - begun, 1)}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "default": "/etc/warp10"},
            "token": {"type": "str", "no_log": True},
            "url": {"type": "str"},
            "patience": {"type": "int", "default": 60},
            "owner": {"type": "str", "default": "warp10"},
        },
        required_together=[("token", "url")],
        supports_check_mode=True,
    )
    folder = Path(module.params["folder"])
    if module.params["token"] is not None:
        try:
            result = withdraw(folder, module.params, check=module.check_mode)
        except RefusalError as error:
            module.fail_json(msg=str(error))
        module.exit_json(**result)
    missing = not any((folder / "revoked").glob("*.trl"))
    if missing and not module.check_mode:
        lay(folder / "revoked", set(), module.params["owner"])
    module.exit_json(changed=missing, own=[], accepted=False, seconds=0.0)


if __name__ == "__main__":
    main()
