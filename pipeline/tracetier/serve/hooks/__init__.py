"""Hooks of agents: the tier of a sub-agent is chosen where it is spawned, without a proxy."""
