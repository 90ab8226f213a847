"""The dashboard: what the service did lately and what it knows, as one page and its data."""
