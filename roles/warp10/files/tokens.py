"""Make the tokens that have no file yet, with the server's own generator.

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
missing = [token for token in job["tokens"] if not (folder / f"{token['name']}.token").exists()]
if not missing:
    sys.exit()

ENVELOPE = (
    "{{ 'id' '{name}' 'type' '{type}' 'owner' '{owner}' 'producer' '{owner}' "
    "'application' '{application}' 'applications' [ '{application}' ] "
    "'owners' [ '{owner}' ] 'producers' [ '{owner}' ] "
    "'labels' {{}} 'attributes' {{}} {validity} }} TOKENGEN 'token' GET\n"
)
os.umask(0o077)
with tempfile.TemporaryDirectory(dir="/run") as run:
    script, answer = Path(run, "tokens.mc2"), Path(run, "tokens.json")
    envelopes = [ENVELOPE.format(**token, validity=job["validity"]) for token in missing]
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

# The stack, its top first, after whatever the server says when it starts.
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
    print(token["name"])
