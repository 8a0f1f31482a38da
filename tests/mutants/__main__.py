"""Break the project one way at a time, and say which test noticed.

python tests/mutants [package | roles | all] [--data both | with | without] [--kind KIND …]

The package's unit tests are run in a copy of the project, the roles' scenarios on a lab of their
own. The exit status is 1 where one mutant went unnoticed, or fits the project no more.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import hosts
import package
from core import StaleError, copy_project

words = argparse.ArgumentParser(prog="make mutants", description=__doc__)
words.add_argument("part", nargs="?", choices=("all", "package", "roles"), default="all")
words.add_argument("--data", choices=("both", "with", "without"), default="both")
words.add_argument("--kind", nargs="*", default=(), help="kinds of package.toml")


def main() -> int:
    """Run the chosen parts, and return the exit status."""
    asked = words.parse_args()
    survived = 0
    with tempfile.TemporaryDirectory() as name:
        folder, cache = Path(name, "project"), Path(name, "compiled")
        copy_project(folder)
        try:
            if asked.part != "roles":
                survived += package.main(
                    folder,
                    cache,
                    kinds=asked.kind,
                    data=package.ways_of(asked.data),
                    server=bool(os.environ.get("WARP10_URL")),
                )
            if asked.part != "package":
                survived += hosts.main(folder, cache)
        except StaleError as error:
            print(error, file=sys.stderr)
            return 1
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
