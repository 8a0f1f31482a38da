"""Keeps what Python compiles out of a zip file: Ansible sends its modules so, anew for each task.

Python keeps no compiled code of a zip file, and a third of a task's time is compiling. The hosts of
the scenarios load this file at the start of Python, and so does Python of the tests' own plays on
this machine; code is kept by the digest of its source.
"""

import os
import zipimport

KEPT = os.environ.get("COMPILED_MODULES", "/var/cache/compiled-modules")

_compile = zipimport._compile_source


def _compiled(path, source):
    # Here, as every program in Python loads this file, and few of them read a zip file.
    import contextlib
    import marshal
    from hashlib import blake2b
    from pathlib import Path

    name = path.rpartition(".zip/")[2]
    kept = Path(KEPT, blake2b(name.encode() + source, digest_size=16).hexdigest())
    with contextlib.suppress(OSError):
        return marshal.loads(kept.read_bytes())
    code = _compile(path, source)
    # Only root may keep code: for another user it is compiled again.
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_suffix(f".{os.getpid()}")
        new.write_bytes(marshal.dumps(code))
        new.replace(kept)
    return code


zipimport._compile_source = _compiled
