#!/usr/bin/python
from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_host_info
short_description: Read what a host has for a training
description:
  - Reads NVIDIA's GPUs, the kernel, its loaded drivers, Secure Boot and the room on the disk.
options:
  root:
    description: The root of the machine, or a folder with the same files.
    type: path
    default: /
  folder:
    description: The folder of the installation, which need not exist yet.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Read the GPUs, the kernel and the disk of the machine
  gpu_host_info:
    folder: /opt/kepler-lens-training
"""

RETURN = r"""
gpus:
  description: The GPUs on the PCI bus, each with its slot, its device and the name of its driver.
  returned: success
  type: list
  elements: dict
  sample: [{slot: "0000:01:00.0", device: "0x2330", driver: nvidia}]
kernel:
  description: The release of the running kernel.
  returned: success
  type: str
  sample: 6.12.1-amd64
headers:
  description: Whether the headers of the running kernel are installed.
  returned: success
  type: bool
modules:
  description: Which of nvidia and nouveau are loaded.
  returned: success
  type: list
  elements: str
  sample: [nvidia]
secure_boot:
  description: Whether Secure Boot is on, with which the kernel loads only signed modules.
  returned: success
  type: bool
key_enrolled:
  description: Whether the firmware knows the key with which DKMS signs modules.
  returned: success
  type: bool
room:
  description: The free bytes of the disk of the folder.
  returned: success
  type: int
  sample: 50000000000
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

NVIDIA = "0x10de"
# PCI classes 0x03xxxx: VGA, 3D and other display controllers.
DISPLAY = "0x03"
EFI_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"


def text(path: Path) -> str:
    """Return a file's text, empty if the file does not exist."""
    return path.read_text(errors="replace").strip() if path.is_file() else ""


def gpus(root: Path) -> list[dict[str, str]]:
    """List the NVIDIA GPUs on the PCI bus, each with its driver."""
    found = []
    for folder in sorted((root / "sys/bus/pci/devices").glob("*")):
        if text(folder / "vendor") == NVIDIA and text(folder / "class").startswith(DISPLAY):
            driver = folder / "driver"
            name = driver.readlink().name if driver.is_symlink() else ""
            found.append({"slot": folder.name, "device": text(folder / "device"), "driver": name})
    return found


def secure_boot(root: Path) -> bool:
    """Check whether Secure Boot is on, with which the kernel loads only signed modules."""
    # The value follows four bytes of attributes.
    variable = root / f"sys/firmware/efi/efivars/SecureBoot-{EFI_GLOBAL}"
    return variable.is_file() and variable.read_bytes()[4:5] == b"\x01"


def key_enrolled(root: Path) -> bool:
    """Check whether the machine's owner has enrolled the key with which DKMS signs modules."""
    key = root / "var/lib/dkms/mok.pub"
    if not key.is_file():
        return False
    certificate = key.read_bytes()
    lists = (root / "sys/firmware/efi/efivars").glob("MokListRT-*")
    return bool(certificate) and any(certificate in path.read_bytes() for path in lists)


def room(folder: Path) -> int:
    """Return the free bytes of the disk of `folder`, which need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": "/"},
            "folder": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    root = Path(module.params["root"])
    kernel = text(root / "proc/sys/kernel/osrelease")
    loaded = {line.split()[0] for line in text(root / "proc/modules").splitlines()}
    module.exit_json(
        changed=False,
        gpus=gpus(root),
        kernel=kernel,
        headers=(root / f"lib/modules/{kernel}/build/Makefile").exists(),
        modules=sorted(loaded & {"nvidia", "nouveau"}),
        secure_boot=secure_boot(root),
        key_enrolled=key_enrolled(root),
        room=room(Path(module.params["folder"])),
    )


if __name__ == "__main__":
    main()
