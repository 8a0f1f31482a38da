"""Warp 10: the client, and how the package finds stars and series on a server.

`client.Warp10` speaks to a server. `gts` beside this package makes the text of points.
"""
