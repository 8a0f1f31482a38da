"""Find candidates in a prepared light curve."""
