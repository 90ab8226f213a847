"""What came of an endurance run: failures by their faults, times, and what is wrong."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
from _callers import GATEWAY, Seen
from _faults import CALM, STALLED, Phase, phase_of
from _memory import FLAT_MB_AN_HOUR

GRACE_S = 8.0
"""Time after a fault was mended in which errors may still come of it."""

BREAKING = {
    "worker killed",
    "worker hangs",
    "workers renewed",
    "a worker starts a year ahead",
    "redis and worker killed",
    "disk full, worker killed",
}
"""Faults that may break a connection off."""

STORE = {
    "redis killed",
    "redis pauses",
    "redis and worker killed",
    "state locked",
    "state disk full",
    "disk full, worker killed",
    "worker hangs",
}
"""Faults while which a report may be refused as not stored."""

UPSTREAM = {
    "upstream hangs",
    "upstream 500",
    "upstream 429",
    "upstream gone",
    "upstream breaks off",
}
"""Faults that the gateway may pass on."""

CUTTING = {"upstream breaks off", "upstream gone"}
"""Faults that end an upstream's answer in its middle."""


def is_declared(seen: Seen, fault: str) -> bool:
    """Whether an answer is one that may be given while a fault is, or just was."""
    if fault == STALLED:  # whatever comes of waiting too long
        return seen.status <= 0 or seen.kind in ("not-stored", "upstream_failed")
    if seen.status in (0, -1):
        is_cut = seen.status == -1 and fault in CUTTING and seen.path in GATEWAY
        return fault in BREAKING or is_cut
    if seen.status == -2:
        return fault == "worker hangs"
    if seen.path in GATEWAY:
        if seen.kind == "of the upstream":
            return fault in UPSTREAM
        return seen.kind == "upstream_failed" and fault in UPSTREAM and seen.status in (502, 504)
    if seen.status == 503:
        return seen.kind in ("not-stored", "overloaded") and fault in STORE
    return False


def is_failure(seen: Seen) -> bool:
    """Whether an answer needs a reason."""
    if seen.path == "/v1/feedback" and seen.status == 404:
        return False  # held against the account
    if seen.path == "/v1/decisions/{id}" and seen.status == 404:
        return False
    if seen.path == "/v1/route" and seen.status == 422:
        return False  # was sent to be refused
    return seen.status >= 400 or seen.status <= 0


def answers_of(seen: list[Seen], phases: list[Phase]) -> dict[str, Any]:
    """Count the answers, and tell the failures apart."""
    by_status: Counter[tuple[str, int]] = Counter()
    declared: Counter[tuple[str, str, int, str]] = Counter()
    undeclared: Counter[tuple[str, str, int, str]] = Counter()
    examples = []
    for each in seen:
        by_status[each.path, each.status] += 1
        if not is_failure(each):
            continue
        names = _faults_at(phases, each)
        why = next((name for name in names if is_declared(each, name)), None)
        kind = (names[0], each.path, each.status, each.kind)
        if why is not None:
            declared[why, each.path, each.status, each.kind] += 1
        else:
            undeclared[kind] += 1
            examples.append((round(each.at_s - seen[0].at_s, 2), round(each.seconds, 2), *kind))
    return {
        "requests": len(seen),
        "by_status": [[*key, n] for key, n in sorted(by_status.items())],
        "declared": [[*key, n] for key, n in sorted(declared.items())],
        "undeclared": [[*key, n] for key, n in sorted(undeclared.items())],
        "examples": examples[:20],
    }


def _faults_at(phases: list[Phase], seen: Seen) -> list[str]:
    """Return the faults that were while a request was under way, or shortly before."""
    found = [
        phase.name
        for phase in phases
        if phase.start_s <= seen.at_s + seen.seconds and seen.at_s <= phase.end_s + GRACE_S
    ]
    return found or [CALM]


def latency_of(seen: list[Seen], phases: list[Phase]) -> list[list[Any]]:
    """Return n, median and 99th percentile in ms, by fault and kind of path."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for each in seen:
        if each.status > 0:
            part = "gateway" if each.path in GATEWAY else each.path
            if part in ("/v1/route", "/v1/feedback", "gateway"):
                fault, _ = phase_of(phases, each.at_s, 0.0)
                found[fault, part].append(1000.0 * each.seconds)
    return [
        [*key, len(times), float(np.median(times)), float(np.percentile(times, 99))]
        for key, times in sorted(found.items())
    ]


def verdict(found: dict[str, Any]) -> list[str]:
    """Return what is wrong, a sentence each; none where all is well."""
    account, wrong = found["account"], list(found["wrong"])
    for name, words in (
        ("lost", "acknowledged outcomes are not in the store"),
        ("wrong_value", "outcomes were learned with another value than the first that was sent"),
        ("learned_twice", "outcomes were learned twice"),
        ("learned_unsent", "outcomes were learned that nobody sent"),
        ("unexplained_unknown", "decisions are not known, and no fault explains it"),
        ("unanswered", "reports were never answered for good"),
        ("gaps_in_log", "times the log did not go on where it had ended"),
    ):
        if account[name]:
            wrong.append(f"{account[name]} {words}")
    if not account["sums_agree"]:
        wrong.append(f"the store's sums are not those of its log: {account['store_counts']}")
    if not account["same_state"]:
        wrong.append("the store's state is not the fold of its log")
    n = sum(each[-1] for each in found["answers"]["undeclared"])
    if n:
        wrong.append(f"{n} answers failed without being declared")
    judged = {name: how for name, how in found["memory"].items() if "high" in how}
    if found["filled"] and not judged:
        wrong.append("no worker lived from the filling of the tables to the end")
    for name, how in judged.items():
        if how["high"] > FLAT_MB_AN_HOUR:
            wrong.append(
                f"memory of {name} is not shown to be flat: {how['mb_an_hour']:+.1f} "
                f"[{how['low']:+.1f}, {how['high']:+.1f}] MB an hour"
            )
    if not found["log"]["old_part_kept"]:
        wrong.append("a part of the decision log was deleted before its time")
    if found["log"]["lines"].get("torn"):
        wrong.append("the decision log holds torn lines")
    if found["ended_with"] != 0:
        wrong.append(f"the service ended with {found['ended_with']}")
    if found["ready_at_end"].get("status") != "ok":
        wrong.append(f"the service was not well at the end: {found['ready_at_end']}")
    return wrong
