#!/usr/bin/python
from __future__ import annotations

DOCUMENTATION = r"""
module: warp10_unpack
short_description: Unpack Warp 10 from a release archive or a wheel
description:
  - Replaces the folder of the server, completely or not at all, and removes the artifact.
  - Records the artifact's checksum in the folder. A folder with this checksum is left as it is.
options:
  artifact:
    description: The release archive or the wheel.
    type: path
    required: true
  home:
    description: The folder of the server. Its last part is the name of the folder in the artifact.
    type: path
    required: true
  checksum:
    description: The artifact's checksum, which was checked before, to be recorded.
    type: str
    required: true
  jar:
    description: The server's jar, below the folder.
    type: str
    required: true
  prefix:
    description: Where in the artifact the folder is, with a slash at its end.
    type: str
    default: ""
  jar_sha256:
    description: SHA-256 of the jar, if the artifact's checksum is not that of the release.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Unpack Warp 10
  warp10_unpack:
    artifact: /opt/warp10/fetched/warp10-3.5.0.tar.gz
    home: /opt/warp10/warp10-3.5.0
    checksum: sha512:31f32a31b1138bc0479c463f400cdedc84c3be72bbaa5f75e104a5c53b8e2f26
    jar: bin/warp10-3.5.0.jar
"""

RETURN = r"""
before:
  description: The checksum that was recorded before; empty if there was none.
  returned: success
  type: str
  sample: ""
"""

import hashlib
import os
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule


def unpack(asked: dict[str, Any], new: Path) -> Path:
    """Unpack the artifact into `new` and return the server's folder there."""
    artifact, wanted = asked["artifact"], f"{asked['prefix']}{Path(asked['home']).name}/"
    if zipfile.is_zipfile(artifact):
        with zipfile.ZipFile(artifact) as file:
            file.extractall(new, [name for name in file.namelist() if name.startswith(wanted)])
    else:
        with tarfile.open(artifact) as file:
            file.extractall(new, filter="data")
    unpacked, jar = new / wanted, asked["jar"]
    if not (unpacked / jar).is_file():
        raise ValueError(
            f"{artifact} has no {wanted}{jar}: it is not Warp 10 in the expected layout."
        )
    digest = hashlib.sha256((unpacked / jar).read_bytes()).hexdigest()
    if asked["jar_sha256"] not in ("", digest):
        raise ValueError(
            f"{wanted}{jar} in {artifact} has SHA-256 {digest}, not {asked['jar_sha256']}."
        )
    return unpacked


def install(asked: dict[str, Any]) -> None:
    """Replace the server's folder by the one in the artifact."""
    home = Path(asked["home"])
    new = home.with_name(home.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    unpacked = unpack(asked, new)
    # The release has a runner that writes to an extension, and that extension is off.
    shutil.rmtree(unpacked / "runners", ignore_errors=True)
    # The server reads all files and writes none; in the release only the owner reads some folders.
    for path in [unpacked, *unpacked.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.chown(path, os.getuid(), os.getgid())
    (unpacked / ".installed").write_text(asked["checksum"] + "\n")
    shutil.rmtree(home, ignore_errors=True)
    unpacked.rename(home)
    shutil.rmtree(new)
    Path(asked["artifact"]).unlink()


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "artifact": {"type": "path", "required": True},
            "home": {"type": "path", "required": True},
            "checksum": {"type": "str", "required": True},
            "jar": {"type": "str", "required": True},
            "prefix": {"type": "str", "default": ""},
            "jar_sha256": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    asked = module.params
    mark = Path(asked["home"], ".installed")
    before = mark.read_text().strip() if mark.exists() else ""
    changed = before != asked["checksum"]
    if changed and not module.check_mode:
        try:
            install(asked)
        except (OSError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
            module.fail_json(msg=str(error))
    result = {"changed": changed, "before": before}
    if changed and module._diff:
        header = {"before_header": asked["home"], "after_header": asked["home"]}
        texts = {"before": f"{before}\n" if before else "", "after": f"{asked['checksum']}\n"}
        result["diff"] = header | texts
    module.exit_json(**result)


if __name__ == "__main__":
    main()
