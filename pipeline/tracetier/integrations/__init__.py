"""Routers and gateways of others that ask this one; each file imports its own library."""
