"""`python -m kepler_lens` is `kepler-lens`, also where the package is not installed."""

from kepler_lens.cli import main

main()
