"""Score the candidates of earlier searches: a job on the fleet that takes star after star."""
