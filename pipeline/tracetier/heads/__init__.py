"""Fitted heads as plain arrays: predict only, no files, no training libraries."""
