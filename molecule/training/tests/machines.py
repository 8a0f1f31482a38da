"""Folders with the files that the role reads of a machine with or without an NVIDIA GPU."""

from __future__ import annotations

import tarfile
from pathlib import Path

KERNEL = "6.12.1-made"
SECURE_BOOT = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
MOK_LIST = "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23"
KEY = bytes(range(200))
# Slot to vendor and PCI class of the devices on the bus.
INTEL = {"0000:00:02.0": ("0x8086", "0x030000")}
CARD = {"0000:01:00.0": ("0x10de", "0x030200"), "0000:01:00.1": ("0x10de", "0x040300")}


def machine(
    folder: Path,
    *,
    devices: dict[str, tuple[str, str]] = INTEL | CARD,
    modules: tuple[str, ...] = (),
    headers: bool = True,
    secure_boot: bool = False,
    enrolled: bool = False,
) -> None:
    """Write one machine below `folder`."""
    files: dict[str, bytes] = {
        "proc/sys/kernel/osrelease": KERNEL.encode(),
        "proc/modules": "".join(f"{name} 1 0 - Live 0x0\n" for name in modules).encode(),
    }
    for slot, (vendor, kind) in devices.items():
        files |= {
            f"sys/bus/pci/devices/{slot}/vendor": vendor.encode(),
            f"sys/bus/pci/devices/{slot}/class": kind.encode(),
            f"sys/bus/pci/devices/{slot}/device": b"0x2330",
        }
    if headers:
        files[f"lib/modules/{KERNEL}/build/Makefile"] = b""
    efi = "sys/firmware/efi/efivars"
    files[f"{efi}/{SECURE_BOOT}"] = bytes([6, 0, 0, 0, secure_boot])
    files["var/lib/dkms/mok.pub"] = KEY
    files[f"{efi}/{MOK_LIST}"] = bytes([6, 0, 0, 0]) + (b"head" + KEY if enrolled else b"other")
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def all_machines(work: Path) -> Path:
    """Write every machine, and return an archive of all machines."""
    root = work / "machines"
    machine(root / "none", devices=INTEL)
    # The card's sound device is by NVIDIA too, but cannot compute.
    machine(root / "sound", devices=INTEL | {"0000:01:00.1": CARD["0000:01:00.1"]})
    machine(root / "gpu")
    machine(root / "nouveau", modules=("nouveau", "drm"))
    machine(root / "loaded", modules=("nvidia",))
    machine(root / "headless", headers=False)
    machine(root / "secure", secure_boot=True)
    machine(root / "enrolled", secure_boot=True, enrolled=True)
    archive = work / "machines.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname="machines")
    return archive
