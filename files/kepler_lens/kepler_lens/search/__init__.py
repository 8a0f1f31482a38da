"""Search light curves for transits: see `engine.search`."""
