"""Where work over many items runs: in this process, in several, or on a Dask cluster."""
