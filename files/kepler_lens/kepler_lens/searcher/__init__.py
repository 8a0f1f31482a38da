"""The search job: every star of the server, over a fleet of Dask workers."""
