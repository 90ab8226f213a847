"""The fast path once more, compiled by numba; imported by `tracetier.heads.accelerate` alone."""
