"""The routes that must be fast: bytes in, bytes out, by msgspec, below every framework."""
