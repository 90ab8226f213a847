"""A clock that is set wrong for a while is not believed; one that stays so is."""

from tracetier.steady_clock import JUMP_S, STANDS_S, SteadyClock, elapsed_s

YEAR_S = 365 * 86_400.0


class Machine:
    """A clock that can be set, and time that passes."""

    def __init__(self) -> None:
        self.day_s, self.passed_s = 1_000.0, 0.0
        self.steady = SteadyClock(lambda: self.day_s, elapsed=lambda: self.passed_s)

    def passes(self, seconds: float) -> float:
        self.day_s += seconds
        self.passed_s += seconds
        return self.steady()


def test_it_is_the_clock_while_that_goes_as_time_does() -> None:
    """What is less than a day is followed, each time."""
    machine = Machine()
    for correction in (0.0, 0.5, -0.5, 3_600.0, JUMP_S - 1.0):
        machine.day_s += correction

        assert machine.passes(7.0) == machine.day_s


def test_a_jump_that_is_mended_never_was() -> None:
    """Ahead by a year for most of an hour, and back."""
    machine = Machine()
    machine.day_s += YEAR_S
    assert machine.passes(1.0) == 1_001.0
    assert machine.passes(STANDS_S - 10.0) == 1_000.0 + STANDS_S - 9.0
    machine.day_s -= YEAR_S

    assert machine.passes(100.0) == machine.day_s == 1_091.0 + STANDS_S


def test_a_jump_that_stands_is_believed_after_an_hour() -> None:
    """Ahead as well as back."""
    for by in (YEAR_S, -YEAR_S):
        machine = Machine()
        machine.day_s += by
        machine.passes(1.0)

        assert machine.passes(STANDS_S) == machine.day_s


def test_each_jump_has_to_stand_by_itself() -> None:
    """A clock that is set anew every half hour is not believed."""
    machine = Machine()
    for n in range(1, 6):
        machine.day_s += YEAR_S

        assert machine.passes(STANDS_S / 2) == 1_000.0 + n * STANDS_S / 2


def test_it_can_be_told_what_time_it_should_be() -> None:
    """Then a clock that says otherwise is one that jumped."""
    passed = [0.0]
    steady = SteadyClock(lambda: YEAR_S + passed[0], elapsed=lambda: passed[0], start_s=50.0)
    assert steady() == 50.0
    passed[0] = STANDS_S

    assert steady() == YEAR_S + STANDS_S


def test_what_passed_never_goes_back() -> None:
    """It is no clock that anybody sets."""
    assert elapsed_s() <= elapsed_s()
