"""The loop closed: what the service wrote down becomes the next model, where it is a better one."""
