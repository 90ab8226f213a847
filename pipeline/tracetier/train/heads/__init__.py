"""Fitting of the heads: one file a head, arrays in, weights out."""
