"""Install WarpScript files, each only after the running server has read it without an error.

A file with an error is not installed; the installed file stays. Argument: a JSON object, see
tasks/main.yml. Prints the changed files; with "dry" nothing is written.
"""

import json
import os
import shutil
import sys
import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError

job = json.loads(sys.argv[1])
# Without the proxies of the environment: the server is this host.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def trouble(text: str, *, script: bool) -> str:
    """Return the server's error for a file, empty if the server can read it."""
    # As the body of a macro, a script is parsed but not run.
    text = f"<%\n{text}\n%>" if script else text
    request = urllib.request.Request(job["url"], f"{text}\nTYPEOF DEPTH\n".encode())
    try:
        with opener.open(request, timeout=30) as reply:
            depth, kind = json.loads(reply.read())[:2]
    except HTTPError as error:
        line = int(error.headers.get("X-Warp10-Error-Line") or 0) - script
        return f"line {line}: {error.headers.get('X-Warp10-Error-Message', error.reason)}"
    except URLError as error:
        if job["dry"]:
            return ""  # A fresh host has no server yet.
        sys.exit(f"Warp 10 at {job['url']} cannot check the macros: {error.reason}.")
    return "" if (depth, kind) == (1, "MACRO") else "it must leave one macro and nothing else"


changed, bad = [], []
for file in job["files"]:
    path, text = Path(file["path"]), file["text"]
    told = trouble(text, script=file.get("script", False))
    if told:
        bad.append(f"{path.name}: {told}")
        continue
    if file.get("token"):
        token = Path(file["token"])
        if not token.exists() and job["dry"]:
            changed.append(path)
            continue
        if not token.exists():
            sys.exit(
                f"There is no {token}: add the token to warp10_tokens, and run the role warp10."
            )
        text = text.replace("@TOKEN@", token.read_text().strip())
    if not path.exists() or path.read_text() != text:
        changed.append(path)
        if not job["dry"]:
            os.umask(0o077)
            # The folders of a script, named by its period, belong to the service too.
            for folder in reversed([f for f in path.parents if not f.exists()]):
                folder.mkdir()
                shutil.chown(folder, "warp10", "warp10")
            # The server reads only *.mc2, so not the new file before its last move.
            new = path.with_suffix(".new")
            new.write_text(text)
            shutil.chown(new, "warp10", "warp10")
            new.rename(path)

wanted = {Path(file["path"]) for file in job["files"]}
for pattern in job["ours"]:
    for path in Path("/").glob(pattern.lstrip("/")):
        if path not in wanted:
            changed.append(path)
            if not job["dry"]:
                path.unlink()

print("\n".join(map(str, changed)))
if bad:
    sys.exit(
        "Not installed, since Warp 10 cannot read them; what was there stays: " + "; ".join(bad)
    )
