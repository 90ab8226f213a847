"""Learning from what was logged: corrected for how the log chose, and honest about the rest."""
