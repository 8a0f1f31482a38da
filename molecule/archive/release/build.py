"""Build an archive in the layout of the 3.5.0 release around the server of the wheel.

Arguments: the wheel, the archive to write.
"""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

wheel, archive = sys.argv[1:]
sources = Path(__file__).parent
HOME = "warp10-3.5.0"

with tempfile.TemporaryDirectory() as work:
    home = Path(work, HOME)
    for folder in (
        "bin",
        "calls",
        "conf.templates/standalone",
        "datalog",
        "etc/bootstrap",
        "etc/conf.d",
        "etc/throttle",
        "jars",
        "lib",
        "logs",
        "macros",
        "runners/sensision/60000",
        "tokens",
    ):
        (home / folder).mkdir(parents=True)
    (home / "etc").chmod(0o700)
    (home / "runners/sensision/60000/update.mc2").write_text("SENSISIONUPDATE\n")
    jar = home / f"bin/{HOME}.jar"
    with zipfile.ZipFile(wheel) as file:
        jar.write_bytes(file.read("warpscript/warp10-2.1.0/bin/warp10-2.1.0.jar"))

    classes = Path(work, "classes")
    classes.mkdir()
    subprocess.run(
        ["javac", "-cp", str(jar), "-d", str(classes), *map(str, sources.rglob("*.java"))],
        check=True,
    )
    subprocess.run(
        ["jar", "cf", str(home / "lib/release.jar"), "-C", str(classes), "io"], check=True
    )
    with tarfile.open(archive, "w:gz", compresslevel=1) as file:
        file.add(home, HOME)
