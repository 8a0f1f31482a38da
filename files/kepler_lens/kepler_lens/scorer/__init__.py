"""Scores for what searches have found before: a job on the fleet that takes star after star."""
