"""A process that appends to a state and says what was acknowledged; run by the tests of stores.

python appender.py URL NAME N
"""

import sys

from tracetier.route.event import Reported
from tracetier.route.state.mark import Mark
from tracetier.route.state.store import open_state


def main() -> None:
    """Append N events, one at a time, going on after those of this name that are there."""
    store = open_state(sys.argv[1])
    name, n = sys.argv[2], int(sys.argv[3])
    stored = store.load()
    assert stored is not None
    position = stored.mark.position + len(stored.events)
    done = sum(isinstance(e, Reported) and e.decision_id == name for e in stored.events)
    _say("ready")
    for number in range(done, done + n):
        event = Reported(name, None, float(number), 0.0)
        page = store.append([event], Mark(stored.mark.epoch, position))
        assert not page.is_behind
        assert not page.is_elsewhere
        position += len(page.events) + 1
        _say(str(number))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
