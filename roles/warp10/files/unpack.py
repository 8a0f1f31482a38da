"""Unpack Warp 10 from a release archive or a wheel, completely or not at all.

Arguments: artifact, home, the artifact's checksum (to be recorded), the jar within home,
the prefix within the artifact, SHA-256 of the jar or ''.
"""

import hashlib
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

artifact, home, checksum, jar, prefix, jar_sha256 = sys.argv[1:]
target = Path(home)
new = target.parent / (target.name + ".new")
wanted = f"{prefix}{target.name}/"

shutil.rmtree(new, ignore_errors=True)
new.mkdir()
if zipfile.is_zipfile(artifact):
    with zipfile.ZipFile(artifact) as file:
        file.extractall(new, [name for name in file.namelist() if name.startswith(wanted)])
else:
    with tarfile.open(artifact) as file:
        file.extractall(new, filter="data")
unpacked = new / wanted
if not (unpacked / jar).is_file():
    sys.exit(f"{artifact} has no {wanted}{jar}: it is not Warp 10 in the expected layout.")
digest = hashlib.sha256((unpacked / jar).read_bytes()).hexdigest()
if jar_sha256 not in ("", digest):
    sys.exit(f"{wanted}{jar} in {artifact} has SHA-256 {digest}, not {jar_sha256}.")

# The release has a runner that writes to an extension, and that extension is off.
shutil.rmtree(unpacked / "runners", ignore_errors=True)
# The server reads all files and writes none; in the release only the owner can read some folders.
for path in [unpacked, *unpacked.rglob("*")]:
    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    shutil.chown(path, 0, 0)
(unpacked / ".installed").write_text(checksum + "\n")
shutil.rmtree(target, ignore_errors=True)
unpacked.rename(target)
shutil.rmtree(new)
Path(artifact).unlink()
