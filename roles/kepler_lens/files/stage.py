"""Build the package's wheel and stage it with each of its lock files; runs on the controller.

Prints JSON: folders, one for each lock file, and created, those of them that are new. The name of
a folder is the hash of its content.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from flit_core import buildapi


def stage(package: Path, bootstrap: Path, cache: Path) -> dict[str, object]:
    """Make, for each lock file of `package`, a folder below `cache` with wheel and lock file."""
    cache.mkdir(parents=True, exist_ok=True)
    before = set(cache.iterdir())
    with tempfile.TemporaryDirectory(dir=cache) as name:
        folder = Path(name)
        # One date for every file in the wheel, so that equal sources give equal bytes.
        os.environ["SOURCE_DATE_EPOCH"] = "315532800"
        os.chdir(package)
        wheel = folder / buildapi.build_wheel(name)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        (folder / "package.txt").write_text(f"./{wheel.name} --hash=sha256:{digest}\n")
        shutil.copyfile(bootstrap, folder / "bootstrap.txt")
        staged = {}
        for lock in sorted(package.glob("requirements*.txt")):
            shutil.copyfile(lock, folder / "requirements.txt")
            staged[lock.name] = str(kept(folder, cache))
    created = sorted(set(map(Path, staged.values())) - before)
    return {"folders": staged, "created": list(map(str, created))}


def kept(folder: Path, cache: Path) -> Path:
    """Copy `folder` to a folder named by the hash of its content, if that does not exist yet."""
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        whole.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    target = cache / whole.hexdigest()[:16]
    if not target.exists():
        # Copied beside it and renamed: nobody sees a part, and a part is not taken for the whole.
        with tempfile.TemporaryDirectory(dir=cache) as part:
            shutil.copytree(folder, Path(part) / target.name)
            try:
                (Path(part) / target.name).rename(target)
            except OSError:
                # Another play was first.
                if not target.is_dir():
                    raise
    return target


if __name__ == "__main__":
    print(json.dumps(stage(*(Path(argument).resolve() for argument in sys.argv[1:]))))
