"""Write files that only a service may read."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def write(path: Path, text: str, owner: str) -> None:
    """Replace a file, completely or not at all, by one that only `owner` can read.

    Creates the folders above it that do not exist yet, for `owner` alone too. A link that `owner`
    has planted is not followed.
    """
    account = pwd.getpwnam(owner)
    for folder in reversed([above for above in path.parents if not above.exists()]):
        folder.mkdir(mode=0o700)
        os.chown(folder, account.pw_uid, account.pw_gid, follow_symlinks=False)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        os.fchown(file.fileno(), account.pw_uid, account.pw_gid)
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
