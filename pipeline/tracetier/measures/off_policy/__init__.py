"""What a policy would have been worth, from rows logged under another one."""
