"""Stars: lists and names as people write them, and tables of the NASA Exoplanet Archive."""
