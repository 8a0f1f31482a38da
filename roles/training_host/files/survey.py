"""Print what a machine has for a training: GPUs, kernel, driver, room on the disk; as JSON.

Arguments: the machine's root, or a folder with the same files; the folder of the installation.
"""

import json
import os
import sys
from pathlib import Path

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


def survey(root: Path, folder: Path) -> dict[str, object]:
    """Return all findings of this script."""
    kernel = text(root / "proc/sys/kernel/osrelease")
    modules = {line.split()[0] for line in text(root / "proc/modules").splitlines()}
    return {
        "gpus": gpus(root),
        "kernel": kernel,
        "headers": (root / f"lib/modules/{kernel}/build/Makefile").exists(),
        "modules": sorted(modules & {"nvidia", "nouveau"}),
        "secure_boot": secure_boot(root),
        "key_enrolled": key_enrolled(root),
        "room": room(folder),
    }


if __name__ == "__main__":
    print(json.dumps(survey(Path(sys.argv[1]), Path(sys.argv[2]))))
