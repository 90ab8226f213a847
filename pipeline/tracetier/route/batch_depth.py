"""Whether a thread is within a `Router.batch` block, which goes to the disk at its end only."""

import threading


class BatchDepth(threading.local):
    """How many `Router.batch` blocks the current thread is in."""

    depth = 0
