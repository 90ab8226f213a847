"""Chat completions and messages, as the two providers speak them, with the tier chosen here."""
