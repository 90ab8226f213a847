"""Feature table → fitted tiers: heads, folds, blend, calibration, artifact."""
