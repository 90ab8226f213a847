"""What the demo runs on: real outcomes where they are installed, else a synthetic sample."""
