"""Say what a machine has that training may need: GPUs, kernel, driver, room on the disk; as JSON.

Arguments: a folder that looks like the machine's root, a folder whose disk must hold what is
installed.
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
    """Return a file's text, empty where there is none."""
    return path.read_text(errors="replace").strip() if path.is_file() else ""


def gpus(root: Path) -> list[dict[str, str]]:
    """List the NVIDIA GPUs on the PCI bus, with the driver that has each."""
    found = []
    for folder in sorted((root / "sys/bus/pci/devices").glob("*")):
        if text(folder / "vendor") == NVIDIA and text(folder / "class").startswith(DISPLAY):
            driver = folder / "driver"
            name = driver.readlink().name if driver.is_symlink() else ""
            found.append({"slot": folder.name, "device": text(folder / "device"), "driver": name})
    return found


def secure_boot(root: Path) -> bool:
    """Say whether the firmware lets in signed modules only."""
    # The value follows four bytes of attributes.
    variable = root / f"sys/firmware/efi/efivars/SecureBoot-{EFI_GLOBAL}"
    return variable.is_file() and variable.read_bytes()[4:5] == b"\x01"


def key_enrolled(root: Path) -> bool:
    """Say whether the key that DKMS signs modules with is one that the machine's owner enrolled."""
    key = root / "var/lib/dkms/mok.pub"
    if not key.is_file():
        return False
    certificate = key.read_bytes()
    lists = (root / "sys/firmware/efi/efivars").glob("MokListRT-*")
    return bool(certificate) and any(certificate in path.read_bytes() for path in lists)


def room(folder: Path) -> int:
    """Count the free bytes of the disk that `folder` is or will be on."""
    while not folder.exists():
        folder = folder.parent
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def survey(root: Path, folder: Path) -> dict[str, object]:
    """Put it all together."""
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
