"""Where the learned state lives between runs."""
