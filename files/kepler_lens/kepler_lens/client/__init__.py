"""Query a HelloExoWorld server from Python: stars, light curves, candidates, WarpScript.

>>> from kepler_lens import connect
>>> server = connect("http://127.0.0.1:8080")
>>> curve = server.light_curve("Kepler-11 b").to_lightkurve()  # doctest: +SKIP
"""
