#!/usr/bin/python
from __future__ import annotations

DOCUMENTATION = r"""
module: warp10_secrets
short_description: Create the secrets of a Warp 10 server once
description:
  - Writes a file of lines KEY = VALUE with random values, which only the server can read.
  - The values leave the host neither in the result nor in a difference.
options:
  path:
    description: The file.
    type: path
    required: true
  bits:
    description: Name of each secret, and the number of its random bits, a multiple of 8.
    type: dict
    required: true
  names:
    description: Key of each random name, and the word with which the name begins.
    type: dict
    default: {}
  extend:
    description: >-
      Add to an existing file the keys that it lacks. Not for a server with data: it could not read
      them any more with a secret that it did not have before.
    type: bool
    default: false
  owner:
    description: The user of the server.
    type: str
    default: warp10
"""

EXAMPLES = r"""
- name: Create the secrets once
  warp10_secrets:
    path: /etc/warp10/secrets.conf
    bits: {warp.aes.token: 256}
"""

RETURN = r"""
added:
  description: The keys that got a value.
  returned: success
  type: list
  elements: str
  sample: [warp.aes.token]
"""

import secrets
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.private_file import write

# Bits of a random name: chosen, as many as of a random UUID.
NAME_BITS = 128


def random(bits: int | str) -> str:
    """Return random bits as hexadecimal digits."""
    return secrets.token_hex(int(bits) // 8)


def shown(known: dict[str, str], added: list[str]) -> str:
    """Return keys without their values, for a difference."""
    return "".join(f"{key}{' (new)' if key in added else ''}\n" for key in known)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "bits": {"type": "dict", "required": True},
            "names": {"type": "dict", "default": {}},
            "extend": {"type": "bool", "default": False},
            "owner": {"type": "str", "default": "warp10"},
        },
        supports_check_mode=True,
    )
    asked, path = module.params, Path(module.params["path"])
    known = {}
    if path.exists():
        if not asked["extend"]:
            module.exit_json(changed=False, added=[])
        known = dict(line.split(" = ", 1) for line in path.read_text().splitlines())
    before = shown(known, [])
    wanted = {
        key: f"hex:{secrets.token_hex(int(bits) // 8)}" for key, bits in asked["bits"].items()
    }
    for key, word in asked["names"].items():
        wanted[key] = f"{word}.{secrets.token_hex(NAME_BITS // 8)}"
    added = [key for key in wanted if key not in known]
    known |= {key: wanted[key] for key in added}
    if added and not module.check_mode:
        text = "".join(f"{key} = {value}\n" for key, value in known.items())
        write(path, text, asked["owner"])
    result = {"changed": bool(added), "added": added}
    if added and module._diff:
        header = {"before_header": str(path), "after_header": str(path)}
        result["diff"] = header | {"before": before, "after": shown(known, added)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
