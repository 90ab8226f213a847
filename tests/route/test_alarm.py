"""A router tells what is no longer as it was learned, and goes on."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from tracetier.features.buckets import Buckets
from tracetier.features.deciles import columns_deciles, deciles_of
from tracetier.features.fitted import FittedFeatures
from tracetier.features.spec import X_COLUMNS, fingerprint
from tracetier.heads.prior import Prediction
from tracetier.records import Task
from tracetier.route.alarm import ALARM_S, Alarm, is_news
from tracetier.route.offline import reset_state, snapshot_of_state
from tracetier.route.router import Router

Maker = Callable[..., Router]
T0 = 1_700_000_000.0


def _report(router: Router, n: int, quality: float, *, tier: str = "mid") -> None:
    """Report on n decisions for one tier: the quality, with a noise of .3 of 10."""
    noise = Random(n)
    for _ in range(n):
        decision = router.route(Task(task_type="edit"), allowed=[tier])
        router.feedback(decision.decision_id, quality=quality + noise.gauss(0.0, 0.3))


def test_a_silent_drop_is_told_by_name_wherever_the_state_is_looked_at(
    make_router: Maker, tmp_path: Path
) -> None:
    """Quality 7 is what the model says of mid; it falls to 3, with sigma 3: one alarm."""
    path = tmp_path / "s.db"
    with make_router(state=path) as router:
        _report(router, 200, 7.0)
        assert router.alarms() == []
        _report(router, 60, 3.0)

        (alarm,) = router.alarms()
        assert (alarm.kind, alarm.name, alarm.time_s) == ("outcomes", "mid", T0)
        assert -4.0 < alarm.value < -1.0
        assert alarm.z is not None
        assert alarm.z < -4.0
        assert router.snapshot().alarms == [alarm]
        assert router.health().is_ok
        (told,) = router.health().alarms
        assert told.startswith("mid became worse: its last 50 outcomes are ")

    assert snapshot_of_state(path).alarms == [alarm]
    with make_router(state=path, clock=lambda: T0 + ALARM_S + 1.0) as later:
        assert later.alarms() == [alarm]  # it stays told, but is no news
        assert later.health().alarms == ()


def test_alarms_follow_the_tiers_and_a_reset_keeps_them_told(
    make_router: Maker, tmp_path: Path
) -> None:
    """A tier joins between; a tier that is removed takes its alarms along."""
    path = tmp_path / "s.db"
    with make_router(state=path) as router:
        _report(router, 100, 7.0)
        _report(router, 60, 2.0)
        router.rename_tier("mid", "medium")
        assert [alarm.name for alarm in router.alarms()] == ["medium"]
    reset_state(path, tier="medium")
    assert [alarm.name for alarm in snapshot_of_state(path).alarms] == ["medium"]
    with make_router(state=path) as router:
        router.remove_tier("medium")
        assert router.alarms() == []


def test_news_is_what_holds_now_or_is_of_the_last_day() -> None:
    """To the second."""
    old = Alarm(kind="outcomes", name="mid", value=-1.0, z=-5.0, time_s=T0)

    assert is_news(old, T0 + ALARM_S)
    assert not is_news(old, T0 + ALARM_S + 1.0)
    assert is_news(Alarm(kind="inputs", name="prompt_chars", value=0.4), T0 + 1e9)


def test_an_alarm_is_a_sentence() -> None:
    """In the units of people: 10 is the best."""
    better = Alarm(kind="outcomes", name="mid", value=1.25, z=4.5, time_s=T0)
    moved = Alarm(kind="inputs", name="prompt_chars", value=0.4)

    assert str(better) == (
        "mid became better: its last 50 outcomes are 1.2 of 10 from what was usual "
        "(4.5 standard errors)"
    )
    assert str(moved) == "tasks are not those of training: the PSI of prompt_chars is 0.40"


class Reading:
    """Predicts the same of every task, and tells how it reads one."""

    features = FittedFeatures(
        x_columns=X_COLUMNS,
        attrs=(),
        buckets=Buckets(names=("edit", "other"), types={}, splits=()),
        fingerprint=fingerprint(),
    )

    def predict(self, task: Task) -> Prediction:
        return Prediction([0.6, 0.7, 0.9], [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 0)


def test_tasks_of_another_kind_are_told(make_router: Maker) -> None:
    """Trained on texts of 1 to 40 words: as many raise no alarm, twice as many do."""
    rows = [Reading.features.encode(_words(i % 40 + 1)).row for i in range(400)]
    columns = dict(zip(X_COLUMNS, zip(*rows, strict=True), strict=True))
    expected = deciles_of({"inputs": columns_deciles(columns)})

    def moved(scale: int) -> set[str]:
        router = make_router(predictor=Reading(), deciles=expected)
        for i in range(400):
            router.route(_words(scale * (i % 40 + 1)))
        return {alarm.name for alarm in router.alarms()}

    assert moved(1) == set()
    assert "x_words" in moved(2)


def _words(n: int) -> Task:
    return Task(text=" ".join(["word"] * n), task_type="edit")
