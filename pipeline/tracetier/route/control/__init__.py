"""Control: a price on cost that keeps spending, or quality, where the operator wants it."""
