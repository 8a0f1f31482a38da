#!/usr/bin/python
from __future__ import annotations

DOCUMENTATION = r"""
module: warp10_tokens
short_description: Create the tokens of a Warp 10 server that have no file yet
description:
  - Creates them with the server's own generator, each in a file NAME.token for the server alone.
  - A token does not show whose series it reads. Unless it reads those of one owner, a file beside
    it lists the owners. If the owners change, a new token is created; the old one stays valid.
  - No token is in the result.
options:
  folder:
    description: The folder of the tokens.
    type: path
    required: true
  tokens:
    description: The tokens.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the token and of its file.
        type: str
        required: true
      type:
        description: What the token allows.
        type: str
        choices: [READ, WRITE]
        required: true
      application:
        description: The application of its series.
        type: str
        required: true
      owner:
        description: >-
          Owner and producer of its series, a UUID. A READ token without an owner reads all series
          of its application, and the server finds these sooner.
        type: str
      reads_too:
        description: Other owners whose series it reads.
        type: list
        elements: str
  validity:
    description: WarpScript that gives a token's begin and end.
    type: str
    required: true
  generator:
    description: The words that start the generator, before its files.
    type: list
    elements: str
    required: true
  configuration:
    description: The server's files of configuration.
    type: list
    elements: path
    required: true
  to_file:
    description: Whether the generator writes to a file, not to its standard output.
    type: bool
    default: false
  owner:
    description: The user of the server, as whom the generator runs.
    type: str
    default: warp10
"""

EXAMPLES = r"""
- name: Create missing tokens
  warp10_tokens:
    folder: /etc/warp10/tokens
    tokens:
      - {name: read, type: READ, application: sky, owner: 6a1f0c52-2f0e-4a57-9d0d-5b1f6f3c1d01}
    validity: "'issuance' NOW 'expiry' NOW 36525 d +"
    generator: [/usr/bin/java, -cp, /opt/warp10/bin/warp10-3.5.0.jar, io.warp10.TokenGen]
    configuration: [/etc/warp10/warp10.conf, /etc/warp10/secrets.conf]
"""

RETURN = r"""
created:
  description: The names of the tokens that were created.
  returned: success
  type: list
  elements: str
  sample: [read]
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.private_file import write

ENVELOPE = (
    "{{ 'id' '{name}' 'type' '{type}' 'owner' '{owner}' 'producer' '{owner}' "
    "'application' '{application}' 'applications' [ '{application}' ] "
    "'owners' [ {owners} ] 'producers' [ {owners} ] "
    "'labels' {{}} 'attributes' {{}} {validity} }} TOKENGEN 'token' GET\n"
)
TOKEN = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "choices": ["READ", "WRITE"], "required": True},
    "application": {"type": "str", "required": True},
    "owner": {"type": "str"},
    "reads_too": {"type": "list", "elements": "str"},
}
EVERY = "*"
"""What the file beside a token has in place of owners where the token is for all."""
NOBODY = "00000000-0000-0000-0000-000000000000"
"""Holder of a token without an owner: each token has a holder, which no series has."""


def owners(token: dict[str, Any]) -> list[str]:
    """Return the owners of the series that a token is for; none for all of its application."""
    return [owner for owner in (token["owner"], *(token["reads_too"] or [])) if owner]


def listed(token: dict[str, Any]) -> list[str]:
    """Return the owners as the file beside a token lists them."""
    return owners(token) or [EVERY]


def up_to_date(path: Path, token: dict[str, Any]) -> bool:
    """Return whether a token exists and is for the wanted owners."""
    note = path.with_suffix(".owners")
    noted = note.read_text().split() if note.exists() else [token["owner"]]
    return path.exists() and noted == listed(token)


def generated(asked: dict[str, Any], tokens: list[dict[str, Any]]) -> list[str]:
    """Return a new token for each of `tokens`; a ValueError says why there is none."""
    envelopes = [
        ENVELOPE.format(
            **token | {"owner": token["owner"] or NOBODY},
            owners=" ".join(f"'{owner}'" for owner in owners(token)),
            validity=asked["validity"],
        )
        for token in tokens
    ]
    with tempfile.TemporaryDirectory(dir="/run") as run:
        shutil.chown(run, asked["owner"])
        script, answer = Path(run, "tokens.mc2"), Path(run, "tokens.json")
        write(script, "".join(envelopes), asked["owner"])
        command = [*asked["generator"], *asked["configuration"], str(script)]
        done = subprocess.run(
            [*command, str(answer)] if asked["to_file"] else command,
            user=asked["owner"],
            group=asked["owner"],
            extra_groups=[],
            umask=0o077,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        text = answer.read_text() if answer.exists() else done.stdout
    # The output is the stack, its top first, after the messages of the server's start.
    found = text.rfind("\n[") + 1 if "\n[" in text else text.find("[")
    try:
        made = json.loads(text[found:])[::-1]
    except ValueError:
        made = []
    if len(made) != len(tokens) or not all(isinstance(token, str) for token in made):
        words = [line for line in done.stderr.splitlines() if line.strip() and line[0] != "\t"]
        raise ValueError(
            f"Warp 10's token generator ended with status {done.returncode} and without "
            f"the {len(tokens)} tokens: {' / '.join(words[-3:])}"
        )
    return made


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            # The tokens' descriptions, not the tokens.
            "tokens": {
                "type": "list",
                "elements": "dict",
                "options": TOKEN,
                "required_if": [("type", "WRITE", ("owner",))],
                "required_by": {"reads_too": ("owner",)},
                "required": True,
                "no_log": False,
            },
            "validity": {"type": "str", "required": True},
            "generator": {"type": "list", "elements": "str", "required": True},
            "configuration": {"type": "list", "elements": "path", "required": True},
            "to_file": {"type": "bool", "default": False},
            "owner": {"type": "str", "default": "warp10"},
        },
        supports_check_mode=True,
    )
    asked = module.params

    def path_of(token: dict[str, Any]) -> Path:
        return Path(asked["folder"], f"{token['name']}.token")

    missing = [token for token in asked["tokens"] if not up_to_date(path_of(token), token)]
    result = {"changed": bool(missing), "created": [token["name"] for token in missing]}
    if missing and module._diff:
        after = "".join(f"{path_of(token)}\n" for token in missing)
        result["diff"] = {"before": "", "after": after}
    if not missing or module.check_mode:
        module.exit_json(**result)
    try:
        made = generated(asked, missing)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    for token, secret in zip(missing, made, strict=True):
        path = path_of(token)
        note = path.with_suffix(".owners")
        write(path, secret + "\n", asked["owner"])
        # The note comes last: without it, the next run creates the token again.
        if listed(token) == [token["owner"]]:
            note.unlink(missing_ok=True)
        else:
            write(note, "\n".join(listed(token)) + "\n", asked["owner"])
    module.exit_json(**result)


if __name__ == "__main__":
    main()
