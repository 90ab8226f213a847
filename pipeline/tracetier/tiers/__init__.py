"""Tiers, cheap to dear, and how the name of a model finds its tier.

Logs spell one model in many ways (gateway and vendor prefixes, cloud regions, dates, aliases).
All of them come down to one spelling here; then the user's own patterns decide first, and the
built-in families only where no pattern says anything. A name that nobody knows stays unknown.
"""

from tracetier.tiers.model_names import FAMILIES, family_of, normalize_model, without_provider
from tracetier.tiers.tier import DEFAULT_TIERS, LIMITS, Tier, TierSet, order_by_cost

__all__ = [
    "DEFAULT_TIERS",
    "FAMILIES",
    "LIMITS",
    "Tier",
    "TierSet",
    "family_of",
    "normalize_model",
    "order_by_cost",
    "without_provider",
]
