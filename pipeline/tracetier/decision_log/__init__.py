"""What a router writes down of its decisions, for reading back as a trace."""
