"""The router: a bandit that starts from the model and learns from feedback."""
