"""What the jobs on the fleet have in common: import and search."""
