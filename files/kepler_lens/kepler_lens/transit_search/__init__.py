"""The search for transits, from the top down.

`search.search_and_vet` is the entry. It calls the packages below in this order:

1. `preparation`: the light curve without the star's variability, and its single events.
2. `detection`: single events folded into candidates.
3. `vetting`: tests that tell planets from what looks like planets.

`report` makes tables and pages of a result. `store` reads light curves from Warp 10 and keeps
results there.
"""
