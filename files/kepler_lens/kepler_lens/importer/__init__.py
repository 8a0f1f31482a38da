"""The import job: from a source of FITS files into Warp 10, over a fleet of Dask workers."""
