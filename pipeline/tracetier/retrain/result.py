"""What came of a run: swapped, kept, or nothing to do."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from tracetier.retrain.judge import Judgement

Outcome = Literal["swapped", "kept", "nothing new"]


class Retraining(Struct, frozen=True, kw_only=True):
    """What came of a run.

    Attributes
    ----------
    outcome : {"swapped", "kept", "nothing new"}
        Another artifact is in use now; the one in use is still the best that is shown; or nothing
        was learned since the run before.
    artifact_id : str
        Of the artifact in use now.
    previous : str
        Of the one before the run.
    path : str
        Folder of the artifact in use.
    n_rows, n_outcomes : int
        Decisions in the log, and those of them with a quality.
    n_issues : int
        Lines of the log that could not be read.
    is_blind : bool
        Whether the log withholds its texts.
    judgement : Judgement, optional
        Where there was a candidate.
    """

    outcome: Outcome
    artifact_id: str
    previous: str
    path: str
    n_rows: int
    n_outcomes: int
    n_issues: int = 0
    is_blind: bool = False
    judgement: Judgement | None = None

    @property
    def headline(self) -> str:
        """The one sentence to remember."""
        judged = self.judgement
        if judged is None:
            return f"Nothing new: {self.n_outcomes:,} outcomes, as at the last run."
        if self.outcome == "swapped":
            return f"{judged.comparison.headline} In use now: {self.path}."
        told = f" Does not pass: {judged.reason}." if judged.reason else ""
        return f"{judged.comparison.headline}{told} Nothing changed."

    def summary(self) -> dict[str, Any]:  # Any: the shape of JSON
        """Return all of it as plain JSON types."""
        plain = msgspec.structs.asdict(self)
        judged = plain.pop("judgement")
        both = {"comparison": None, "beside": None, "reason": None}
        if judged is not None:
            both["comparison"] = judged.comparison.summary()
            both["beside"] = judged.beside.summary() if judged.beside else None
            both["reason"] = judged.reason
        return {"headline": self.headline, **plain, **both}
