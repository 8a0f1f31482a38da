"""Loads `compiled_modules` at the start of Python, where PYTHONPATH names this folder."""

import compiled_modules  # noqa: F401
