"""Trees in copies, threads and forked processes, and the library's handles."""

import copy
import pickle
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.heads.boosters import BACKENDS, N_FEATURES, ensemble_of, rows_with_gaps

from tracetier.heads import _lightgbm_c
from tracetier.heads.trees import BackendChoice, TreeEnsemble


@pytest.mark.parametrize("backend", BACKENDS)
def test_copies_predict_to_the_bit(merged: str, backend: BackendChoice) -> None:
    """Pickling rebuilds with the same backend; a copy of something immutable is itself."""
    ensemble = ensemble_of(merged, backend)
    rows = rows_with_gaps(20, seed=8)

    rebuilt = pickle.loads(pickle.dumps(ensemble))

    assert rebuilt.backend == backend
    assert rebuilt.predict(rows).tobytes() == ensemble.predict(rows).tobytes()
    assert copy.deepcopy(ensemble) is ensemble
    assert copy.copy(ensemble) is ensemble


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_do_not_disturb_one_another(merged: str, backend: BackendChoice) -> None:
    """Four threads on different rows, switching as often as the interpreter can."""
    ensemble = ensemble_of(merged, backend)
    rows = rows_with_gaps(200, seed=9)
    expected = ensemble.predict(rows)
    got: dict[int, NDArray[np.float64]] = {}
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work(first: int) -> None:
        for number in range(first, len(rows), 4):
            got[number] = ensemble.predict_one(rows[number])

    workers = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval_s)

    assert all(got[n].tobytes() == expected[n].tobytes() for n in range(len(rows)))


def test_every_handle_is_freed_the_booster_last(
    merged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads have a configuration each; a thread's goes when the thread does."""
    freed: list[str] = []
    free = _lightgbm_c._free

    def recorded(function: _lightgbm_c._Free, handle: object, *kept: object) -> None:
        freed.append(function.__name__)
        free(function, handle, *kept)  # type: ignore[arg-type]

    monkeypatch.setattr(_lightgbm_c, "_free", recorded)
    ensemble = TreeEnsemble.from_text(merged, backend="lightgbm")
    thread = threading.Thread(target=ensemble.predict_one, args=(np.zeros(N_FEATURES),))
    thread.start()
    thread.join()
    del thread
    assert freed == ["LGBM_FastConfigFree"]

    del ensemble

    assert freed == ["LGBM_FastConfigFree", "LGBM_FastConfigFree", "LGBM_BoosterFree"]


def run_fresh(code: str, text: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_serving_loads_the_library_but_not_the_package(merged: str) -> None:
    """A fresh interpreter predicts through LightGBM without lightgbm, pandas or scipy."""
    code = """
        import sys
        import numpy as np
        from tracetier.heads.trees import TreeEnsemble
        ensemble = TreeEnsemble.from_text(sys.stdin.read())
        ensemble.predict_one(np.zeros(5))
        heavy = {"lightgbm", "pandas", "scipy", "sklearn", "pyarrow", "joblib"}
        print(ensemble.backend, sorted(heavy & set(sys.modules)))
        """

    assert run_fresh(code, merged).split() == ["lightgbm", "[]"]


def test_a_forked_child_predicts_and_loads_after_its_parent_trained_with_threads(
    merged: str,
) -> None:
    """OpenMP's threads do not survive a fork: whatever waited for them would hang for ever."""
    code = """
        import os, signal, sys
        import numpy as np
        import lightgbm as lgb
        from tracetier.heads.trees import TreeEnsemble
        text = sys.stdin.read()
        x = np.random.default_rng(0).normal(size=(2000, 5))
        booster = lgb.train({"num_threads": 2, "verbose": -1}, lgb.Dataset(x, x[:, 0]), 2)
        plain = TreeEnsemble.from_text(text, backend="numpy").predict(x[:10])

        def in_child(work):
            booster.predict(x, num_threads=2)
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                os._exit(0 if np.abs(work() - plain).max() < 1e-9 else 1)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

        in_child(lambda: TreeEnsemble.from_text(text, backend="lightgbm").predict(x[:10]))
        ensemble = TreeEnsemble.from_text(text, backend="lightgbm")
        in_child(lambda: ensemble.predict(x[:10]))
        """

    assert run_fresh(code, merged, OMP_NUM_THREADS="2") == "0\n0\n"
