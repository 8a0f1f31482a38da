"""Build a data set of labelled candidates on the fleet, from the light curves in Warp 10."""
