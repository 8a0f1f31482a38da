#!/usr/bin/python
from __future__ import annotations

DOCUMENTATION = r"""
module: warp10_macros
short_description: Install macros and scripts of a Warp 10 server
description:
  - Writes files of WarpScript that only the server can read, with their folders.
  - With a URL, a file is only installed after the running server has read it without an error. A
    file with an error is not installed, and what was there stays.
  - A secret is put into a file on the host. Such a file is not shown in a difference.
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The file.
        type: path
        required: true
      text:
        description: Its WarpScript.
        type: str
        required: true
      script:
        description: Whether it is a script, not a macro.
        type: bool
        default: false
      secret:
        description: A secret of the host that the file contains.
        type: dict
        suboptions:
          mark:
            description: The text that the secret replaces.
            type: str
            default: "@TOKEN@"
          file:
            description: The file that holds the secret.
            type: path
            required: true
          key:
            description: The key of the secret, if the file has lines KEY = VALUE.
            type: str
  token:
    description: A token that replaces @TOKEN@ in files that name no secret of the host.
    type: str
  remove:
    description: Patterns of files that are removed if they are not among the files.
    type: list
    elements: str
    default: []
  url:
    description: The URL of the server's exec, by which it checks the files.
    type: str
  owner:
    description: The user of the server.
    type: str
    default: warp10
"""

EXAMPLES = r"""
- name: Install a macro that contains a token
  warp10_macros:
    files:
      - path: /etc/warp10/macros/SKY/READ.mc2
        text: "<% '@TOKEN@' %>"
        secret: {file: /etc/warp10/tokens/read.token}
"""

RETURN = r"""
files:
  description: The files that were written or removed.
  returned: always
  type: list
  elements: str
  sample: [/etc/warp10/macros/SKY/READ.mc2]
"""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.private_file import write

# A token or a random name has at least so many characters in a row: send. and 32 digits.
LONG_WORD = re.compile(r"[A-Za-z0-9._-]{32,}")
SECRET = {
    "mark": {"type": "str", "default": "@TOKEN@"},
    "file": {"type": "path", "required": True},
    "key": {"type": "str", "no_log": False},
}
FILE = {
    "path": {"type": "path", "required": True},
    "text": {"type": "str", "required": True},
    "script": {"type": "bool", "default": False},
    # Where the secret is, not the secret.
    "secret": {"type": "dict", "options": SECRET, "no_log": False},
}


class TroubleError(Exception):
    """Why no file can be installed."""


def trouble(url: str, file: dict[str, Any], *, check: bool) -> str:
    """Return the server's error for a file, empty if the server can read it."""
    script, text = file["script"], file["text"]
    # As the body of a macro, a script is parsed but not run.
    text = f"<%\n{text}\n%>" if script else text
    # Without the proxies of the environment: the server is this host.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, f"{text}\nTYPEOF DEPTH\n".encode())
    try:
        with opener.open(request, timeout=30) as reply:
            depth, kind = json.loads(reply.read())[:2]
    except HTTPError as error:
        line = int(error.headers.get("X-Warp10-Error-Line") or 0) - script
        return f"line {line}: {error.headers.get('X-Warp10-Error-Message', error.reason)}"
    except OSError as error:
        if check:
            return ""  # A fresh host has no server yet.
        why = getattr(error, "reason", error)
        raise TroubleError(f"Warp 10 at {url} cannot check the macros: {why}.") from None
    return "" if (depth, kind) == (1, "MACRO") else "it must leave one macro and nothing else"


def secret(where: dict[str, str]) -> str:
    """Return a secret of the host."""
    path, key = Path(where["file"]), where["key"]
    if not path.exists():
        raise TroubleError(
            f"There is no {path}: add the token to warp10_tokens, and run the role warp10."
        )
    text = path.read_text()
    if not key:
        return text.strip()
    found = [line.split(" = ", 1)[1] for line in text.splitlines() if line.startswith(f"{key} = ")]
    if not found:
        raise TroubleError(f"{path} has no {key}.")
    return found[0]


class Macros:
    """The files of one task, and which of them have changed."""

    def __init__(self, asked: dict[str, Any], *, check: bool) -> None:
        self.asked = asked
        self.check = check
        self.changed: list[str] = []
        self.bad: list[str] = []
        self.diff: list[dict[str, str]] = []

    def install(self, file: dict[str, Any]) -> None:
        """Write a file if the server can read it and if it has changed."""
        path, text, token = Path(file["path"]), file["text"].rstrip() + "\n", self.asked["token"]
        url = self.asked["url"]
        if url and (told := trouble(url, file, check=self.check)):
            self.bad.append(f"{path.name}: {told}")
            return
        public = text
        if file["secret"]:
            try:
                text = text.replace(file["secret"]["mark"], secret(file["secret"]))
            except TroubleError:
                # In check mode, a fresh host has no secrets yet.
                if not self.check:
                    raise
        elif token is not None:
            text = text.replace("@TOKEN@", token)
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if before == text:
            return
        if not self.check:
            write(path, text, self.asked["owner"])
        self.note(path, before, text, hidden=bool(file["secret"]) or public != text)

    def remove(self, pattern: str) -> None:
        """Remove the files of a pattern that are not wanted."""
        wanted = {Path(file["path"]) for file in self.asked["files"]}
        for path in sorted(set(Path("/").glob(pattern.lstrip("/"))) - wanted):
            self.note(path, path.read_text(encoding="utf-8"), "", hidden=True)
            if not self.check:
                path.unlink()

    def note(self, path: Path, before: str, after: str, *, hidden: bool) -> None:
        """Remember that a file has changed, with its text if no secret is in it."""
        self.changed.append(str(path))
        # An earlier version of the file may have held a secret.
        if hidden or LONG_WORD.search(before):
            before, after = ("(not shown)\n" if before else ""), ("(changed)\n" if after else "")
        header = {"before_header": str(path), "after_header": str(path)}
        self.diff.append(header | {"before": before, "after": after})


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "options": FILE, "required": True},
            "token": {"type": "str", "no_log": True},
            "remove": {"type": "list", "elements": "str", "default": []},
            "url": {"type": "str"},
            "owner": {"type": "str", "default": "warp10"},
        },
        supports_check_mode=True,
    )
    macros = Macros(module.params, check=module.check_mode)
    why = []
    try:
        for file in module.params["files"]:
            macros.install(file)
        for pattern in module.params["remove"]:
            macros.remove(pattern)
    except TroubleError as error:
        why.append(str(error))
    if macros.bad:
        why.append(
            "Not installed, since Warp 10 cannot read them; what was there stays: "
            + "; ".join(macros.bad)
        )
    result: dict[str, Any] = {"changed": bool(macros.changed), "files": macros.changed}
    if module._diff:
        result["diff"] = macros.diff
    if why:
        module.fail_json(msg=" ".join(why), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
