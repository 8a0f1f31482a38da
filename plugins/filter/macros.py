"""The text of a macro, for the roles of the data server and of the guest server."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleFilterError

MACROS = Path(__file__).resolve().parents[2] / "roles/macros/files"


def macro_text(name: str) -> str:
    """Return the WarpScript of a macro of the role macros, by its name without HELLOEXOWORLD/."""
    path = MACROS / f"{name}.mc2"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in MACROS.glob("*.mc2")))
        raise AnsibleFilterError(f"There is no macro {name}: the role macros has {known}.")
    return path.read_text(encoding="utf-8").rstrip()


class FilterModule:
    """The filter of this module."""

    def filters(self) -> dict[str, object]:
        return {"macro_text": macro_text}
