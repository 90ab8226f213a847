"""A service's decisions from Python: the same verbs as those of a `Router`, over HTTP."""
