"""LightGBM's single-row prediction, called in its shared library without its Python package.

Importing ``lightgbm`` would load pandas, scipy and scikit-learn where they are installed; the
library beside it needs none of them.

Threads. The calls go through ``PyDLL``, which keeps the interpreter lock: a call takes tens of
microseconds, and a thread that lets the lock go for that long may wait milliseconds to get
it back. Each thread has its own row buffer, result buffer and LightGBM configuration, so
nothing is shared but the immutable booster, also on an interpreter without that lock.

Forks. ``fork`` needs the interpreter lock, so no call is under way when a process forks, and
no OpenMP region is entered here (a forked child cannot enter one after its parent did): the
text has no ``tree_sizes``, hence is parsed serially, and one row is walked by one thread.
"""

import ctypes
import sys
import threading
import weakref
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tracetier.errors import ArtifactError
from tracetier.heads._forest import Floats, Forest
from tracetier.heads._lightgbm_text import render_lightgbm
from tracetier.heads._merge import without_idle_outputs

_RAW_SCORE = 1
_FLOAT64 = 1
_ALL_ITERATIONS = -1
_LIBRARY_NAMES = {"darwin": "lib_lightgbm.dylib", "win32": "lib_lightgbm.dll"}


class LightGBMRow:
    """Backend that lets LightGBM's C code walk the trees, a row at a time."""

    name = "lightgbm"

    def __init__(self, forest: Forest) -> None:
        library = lightgbm_library()
        if library is None:
            raise ArtifactError(
                "LightGBM's library is not installed; pip install lightgbm, or use the backend "
                "'numpy'"
            )
        self._n_outputs = forest.n_outputs
        booster = _Booster(library, without_idle_outputs(forest))
        self._thread = _Thread(booster, forest.n_outputs)

    def predict_one(self, row: Floats) -> Floats:
        """Return the (n_outputs,) raw scores of one (n_features,) row."""
        return self._thread.predict(row)

    def predict(self, rows: Floats) -> Floats:
        """Return the (n, n_outputs) raw scores of (n, n_features) rows."""
        predict = self._thread.predict
        scores = np.empty((len(rows), self._n_outputs))
        for number, row in enumerate(rows):
            scores[number] = predict(row)
        return scores


@cache
def lightgbm_library() -> ctypes.PyDLL | None:
    """Return LightGBM's shared library, or ``None`` where it cannot be used."""
    spec = find_spec("lightgbm")
    if spec is None or not spec.submodule_search_locations:
        return None
    name = _LIBRARY_NAMES.get(sys.platform, "lib_lightgbm.so")
    path = Path(next(iter(spec.submodule_search_locations)), "lib", name)
    try:
        return _declared(ctypes.PyDLL(str(path)))
    except (OSError, AttributeError):  # not there, lacks OpenMP, or lacks one of the calls
        return None


def _declared(library: ctypes.PyDLL) -> ctypes.PyDLL:
    pointer, int32 = ctypes.c_void_p, ctypes.c_int
    library.LGBM_GetLastError.argtypes = []
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    library.LGBM_BoosterLoadModelFromString.argtypes = [ctypes.c_char_p, pointer, pointer]
    library.LGBM_BoosterPredictForMatSingleRowFastInit.argtypes = [
        *(pointer, int32, int32, int32, int32, ctypes.c_int32),
        *(ctypes.c_char_p, pointer),
    ]
    library.LGBM_BoosterPredictForMatSingleRowFast.argtypes = [pointer] * 4
    library.LGBM_FastConfigFree.argtypes = [pointer]
    library.LGBM_BoosterFree.argtypes = [pointer]
    return library


def _check(library: ctypes.PyDLL, code: int) -> None:
    if code:
        reason = (library.LGBM_GetLastError() or b"").decode(errors="replace")
        raise ArtifactError(f"LightGBM refused the tree model: {reason}")


class _Booster:
    """A loaded model; freed when nothing refers to it any more."""

    def __init__(self, library: ctypes.PyDLL, forest: Forest) -> None:
        self.library = library
        self.n_features = forest.n_features
        self.n_outputs = forest.n_outputs
        text = render_lightgbm(forest, with_tree_sizes=False)
        handle, n_iterations = ctypes.c_void_p(), ctypes.c_int()
        _check(
            library,
            library.LGBM_BoosterLoadModelFromString(
                text.encode(), ctypes.byref(n_iterations), ctypes.byref(handle)
            ),
        )
        self.handle = handle
        _free_with(self, library.LGBM_BoosterFree, handle)
        if n_iterations.value * forest.n_outputs != forest.n_trees:
            raise ArtifactError(
                f"LightGBM read {n_iterations.value} iterations of {forest.n_outputs} trees "
                f"where {forest.n_trees} trees were given"
            )


class _Row:
    """A row buffer, a result buffer and LightGBM's configuration that is bound to them."""

    def __init__(self, booster: _Booster, n_outputs: int) -> None:
        library = booster.library
        self._library = library
        self._call = library.LGBM_BoosterPredictForMatSingleRowFast
        self._row = np.zeros(booster.n_features)
        # LightGBM writes the first; what it knows nothing of stays 0.
        self._scores = np.zeros(max(n_outputs, booster.n_outputs))
        self._length = ctypes.c_int64()
        config = ctypes.c_void_p()
        _check(
            library,
            library.LGBM_BoosterPredictForMatSingleRowFastInit(
                *(booster.handle, _RAW_SCORE, 0, _ALL_ITERATIONS, _FLOAT64, booster.n_features),
                *(b"num_threads=1", ctypes.byref(config)),
            ),
        )
        # The finaliser holds the booster: it outlives each configuration made from it.
        _free_with(self, library.LGBM_FastConfigFree, config, booster)
        self._pointers = (
            config,
            ctypes.c_void_p(self._row.ctypes.data),
            ctypes.c_void_p(ctypes.addressof(self._length)),
            ctypes.c_void_p(self._scores.ctypes.data),
        )

    def predict(self, row: Floats) -> Floats:
        self._row[:] = row
        code = self._call(*self._pointers)
        if code:
            _check(self._library, code)
        return self._scores.copy()


class _Thread(threading.local):
    """What a thread predicts with; ``threading.local`` runs ``__init__`` once in each."""

    def __init__(self, booster: _Booster, n_outputs: int) -> None:
        self.predict = _Row(booster, n_outputs).predict


_Free = Callable[[ctypes.c_void_p], object]


def _free_with(owner: object, free: _Free, handle: ctypes.c_void_p, *kept: object) -> None:
    """Free the handle when its owner goes; ``kept`` lives until then."""
    finalizer = weakref.finalize(owner, _free, free, handle, *kept)
    # At exit the system takes the memory; a daemon thread may still be predicting.
    finalizer.atexit = False


def _free(free: _Free, handle: ctypes.c_void_p, *_kept: object) -> None:
    free(handle)
