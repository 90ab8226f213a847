"""One file per log format.

Each module here says ``FORMAT = TheClass``, a `tracetier.ingest.registry.Format` that is made
without arguments. That line is all it takes: the registry finds it.
"""
