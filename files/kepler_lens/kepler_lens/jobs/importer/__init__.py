"""Import FITS files from a source into Warp 10, over a fleet of Dask workers."""
