"""Run `kepler-lens` by `python -m kepler_lens`, even if the package is not installed."""

from kepler_lens.cli import main

main()
