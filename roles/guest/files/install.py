"""Write the files that only the guest server may read: its secrets once, its macros on a change.

The function that sends a script to another server gets a random name, which only two files of this
folder contain. Argument: a JSON object, see tasks/macros.yml. Prints the changed files.
"""

import json
import os
import secrets
import shutil
import sys
from pathlib import Path

job = json.loads(sys.argv[1])
folder = Path(job["folder"])


def write(path: Path, text: str) -> None:
    """Write a file that only the service may read, if the file does not have this text."""
    if path.exists() and path.read_text() == text:
        return
    print(path)
    os.umask(0o077)
    new = path.with_suffix(".new")
    new.write_text(text)
    shutil.chown(new, job["user"], job["user"])
    new.rename(path)


kept = folder / "secrets.conf"
known = {}
if kept.exists():
    known = dict(line.split(" = ") for line in kept.read_text().splitlines())
for key, bits in job["secrets"].items():
    known.setdefault(key, f"hex:{secrets.token_hex(bits // 8)}")
known.setdefault("shadow.rename.REXEC", f"send.{secrets.token_hex(16)}")
write(kept, "".join(f"{key} = {value}\n" for key, value in known.items()))

macros = folder / "macros" / "HELLOEXOWORLD"
for path in (macros.parent, macros, macros / "GUEST"):
    if not path.exists():
        path.mkdir(mode=0o700)
        shutil.chown(path, job["user"], job["user"])
for name, text in job["macros"].items():
    text = text.replace("@SEND@", known["shadow.rename.REXEC"])
    write(macros / f"{name}.mc2", text.rstrip() + "\n")
for path in macros.rglob("*.mc2"):
    if str(path.relative_to(macros).with_suffix("")) not in job["macros"]:
        print(path)
        path.unlink()
