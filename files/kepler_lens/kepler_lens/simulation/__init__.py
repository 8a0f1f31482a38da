"""Simulated light curves."""
