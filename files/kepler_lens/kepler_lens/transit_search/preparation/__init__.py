"""Prepare a light curve: from points to single events."""
