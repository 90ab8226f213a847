"""What a demo runs on: where the traces are, whose they are, and a few tasks to ask about."""

from dataclasses import dataclass
from pathlib import Path

from tracetier.demo import sample
from tracetier.errors import InputError, StorageError
from tracetier.records import Task
from tracetier.tiers import Tier, TierSet


@dataclass(frozen=True, kw_only=True)
class DemoSource:
    """Traces with everything that the demo tells about them.

    Attributes
    ----------
    title : str
        One line that names the traces.
    notice : tuple of str
        Whose they are and under which licence, or that they are synthetic.
    files : tuple of Path
    tiers : TierSet
        Cheap to dear.
    lam : float
        Lambda to train for.
    is_synthetic : bool
    live : tuple of Task
        Tasks that are not in the traces, to be routed.
    """

    title: str
    notice: tuple[str, ...]
    files: tuple[Path, ...]
    tiers: TierSet
    lam: float
    is_synthetic: bool
    live: tuple[Task, ...]


def sample_source(folder: Path) -> DemoSource:
    """Return the synthetic sample in ``folder``, written there first where it is missing.

    Raises
    ------
    InputError
        If another file stands there under that name.
    StorageError
        If the disk refuses.
    """
    file = folder / sample.NAME
    try:
        if not file.exists():
            sample.write_sample(file)
        is_sample = file.read_bytes() == sample.synthetic_log()
    except OSError as error:
        raise StorageError(
            f"the sample {str(file)!r} cannot be made: {error.strerror or error}; give a --dir "
            "where you may write"
        ) from error
    if not is_sample:
        raise InputError(
            f"{str(file)!r} is not the synthetic sample, so it is neither used nor replaced; move "
            "it away"
        )
    return DemoSource(
        title=f"SYNTHETIC sample: {sample.N_TASKS} made-up tasks, each on 3 made-up tiers",
        notice=(
            "Nothing below is a measurement of any model: outcomes and costs were drawn by the",
            "small random process that tracetier.demo.sample documents.",
        ),
        files=(file,),
        tiers=TierSet(tuple(Tier(name=tier.name) for tier in sample.TIERS)),
        lam=1.0,
        is_synthetic=True,
        live=(
            Task(
                text="Explain what the cache module does; it is one short file.",
                task_type="explain",
                tools=["read"],
            ),
            Task(
                text="Fix the deadlock in checkout; it spans 8 files.",
                task_type="bug_fix",
                tools=["read", "edit", "bash"],
            ),
            Task(text="Translate the error messages of login into French."),
        ),
    )
