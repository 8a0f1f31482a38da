"""Run jobs on the fleet: the parts that import, search, scores and data sets have in common."""
