"""How a report writes numbers: with their interval, a dash where undefined."""

from math import isfinite

from tracetier.measures.bootstrap import Interval


def percent(interval: Interval, digits: int = 1) -> str:
    """Write a share with its interval.

    Examples
    --------
    >>> percent(Interval(0.991, 0.985, 0.9971))
    '99.1 % [98.5, 99.7]'
    """
    return scaled(interval, f".{digits}f", scale=100.0, unit=" %")


def scaled(interval: Interval, spec: str, *, scale: float = 1.0, unit: str = "") -> str:
    """Write a value with its interval; what is undefined is a dash, and 0 has no sign.

    Examples
    --------
    >>> scaled(Interval(0.5, 0.25, 0.75), ".2f", unit=" USD")
    '0.50 USD [0.25, 0.75]'
    >>> scaled(Interval(0.0, -0.01, 0.5), ".1f")
    '0.0 [0.0, 0.5]'
    >>> scaled(Interval(0.25, -0.5, 0.5), "+.2f")
    '+0.25 [-0.50, +0.50]'
    """
    sign = "+" if spec.startswith("+") else ""
    spec = f"{sign}z{spec.removeprefix('+')}"
    if not isfinite(interval.estimate):
        return "-"
    head = f"{interval.estimate * scale:{spec}}{unit}"
    if not isfinite(interval.low):
        return head
    return f"{head} [{interval.low * scale:{spec}}, {interval.high * scale:{spec}}]"


def counted(n: int, noun: str) -> str:
    """Write a number of things.

    Examples
    --------
    >>> counted(1, "order"), counted(3609, "order")
    ('1 order', '3,609 orders')
    """
    return f"{n:,} {noun}{'s' * (n != 1)}"
