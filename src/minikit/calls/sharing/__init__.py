"""Where shared limits are kept: in this process, served by it, in Redis, or by Dask's scheduler."""
