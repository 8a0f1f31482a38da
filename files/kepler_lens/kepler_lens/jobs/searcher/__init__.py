"""The search job: it searches many stars of the server with a fleet of Dask workers."""
