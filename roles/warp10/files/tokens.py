"""Create the tokens that have no file yet, with the server's own generator.

A token does not show whose series it reads. If it reads the series of several owners, a file beside
the token lists them. A token whose owners have changed since then is created again; the old token
stays valid.

Argument: a JSON object, see tasks/tokens.yml.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

job = json.loads(sys.argv[1])
folder = Path(job["folder"])


def owners(token):
    """Return the owners of the series that a token is for."""
    return [token["owner"], *token.get("reads_too", [])]


def up_to_date(token):
    """Return whether a token exists and is for the wanted owners."""
    path = folder / f"{token['name']}.token"
    note = path.with_suffix(".owners")
    noted = note.read_text().split() if note.exists() else owners(token)[:1]
    return path.exists() and noted == owners(token)


missing = [token for token in job["tokens"] if not up_to_date(token)]
if not missing:
    sys.exit()

ENVELOPE = (
    "{{ 'id' '{name}' 'type' '{type}' 'owner' '{owner}' 'producer' '{owner}' "
    "'application' '{application}' 'applications' [ '{application}' ] "
    "'owners' [ {owners} ] 'producers' [ {owners} ] "
    "'labels' {{}} 'attributes' {{}} {validity} }} TOKENGEN 'token' GET\n"
)
os.umask(0o077)
with tempfile.TemporaryDirectory(dir="/run") as run:
    script, answer = Path(run, "tokens.mc2"), Path(run, "tokens.json")
    envelopes = [
        ENVELOPE.format(
            **token,
            owners=" ".join(f"'{owner}'" for owner in owners(token)),
            validity=job["validity"],
        )
        for token in missing
    ]
    script.write_text("".join(envelopes))
    for path in (Path(run), script):
        shutil.chown(path, "warp10", "warp10")
    command = [*job["java"], *job["configuration"], str(script)]
    if job["writes_file"]:
        command.append(str(answer))
    done = subprocess.run(
        command,
        user="warp10",
        group="warp10",
        extra_groups=[],
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
if len(made) != len(missing) or not all(isinstance(token, str) for token in made):
    words = [line for line in done.stderr.splitlines() if line.strip() and line[0] != "\t"]
    sys.exit(
        f"Warp 10's token generator ended with status {done.returncode} and without "
        f"the {len(missing)} tokens: {' / '.join(words[-3:])}"
    )

for token, secret in zip(missing, made, strict=True):
    path = folder / f"{token['name']}.token"
    new = path.with_suffix(".new")
    new.write_text(secret + "\n")
    shutil.chown(new, "warp10", "warp10")
    new.rename(path)
    # The note comes last: without it, the next run creates the token again.
    note = path.with_suffix(".owners")
    if len(owners(token)) > 1:
        note.write_text("\n".join(owners(token)) + "\n")
        shutil.chown(note, "warp10", "warp10")
    else:
        note.unlink(missing_ok=True)
    print(token["name"])
