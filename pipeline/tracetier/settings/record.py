"""All settings as one frozen record: each field's type, range, default and meaning."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from tracetier.tiers import Tier, TierSet

StrategyName = Literal["residual", "seed", "seed-warm", "greedy", "thompson"]
Share = Annotated[float, Meta(ge=0, le=1)]
Quality = Annotated[float, Meta(ge=0, le=10)]
Usd = Annotated[float, Meta(gt=0, lt=1e9)]


class Settings(Struct, frozen=True, kw_only=True):
    """All settings, each with where it came from.

    Parameters
    ----------
    tiers : tuple of Tier
        Declared tiers, cheap to dear; empty where they come from the table.
    lam : float
        Weight of cost in ``reward = quality (0-10) - lam * cost (0-1)``, 0 to 1e6.
    strategy : {"residual", "seed", "seed-warm", "greedy", "thompson"}
        How the router learns from feedback; ``seed`` is the published rule started at 0,
        ``seed-warm`` from the model.
    epsilon, alpha : float, optional
        Share of random exploration and step of learning, in [0, 1]; ``None`` takes what the
        strategy itself holds best.
    seed : int
        Seed of every random draw, >= 0.
    folds : int
        Folds of the out-of-fold predictions, 2 to 50.
    n_jobs : int, optional
        Fits at a time, >= 1; ``None`` is one per core.
    store_text : bool
        Whether task texts may be written to decision logs; else a keyed hash.
    redact : tuple of str
        Regular expressions of what ``ingest --redact`` takes out beside the shapes that it knows.
    log_keep_days : float
        Days for which finished parts of the decision log are kept, > 0.
    log_keep_bytes : int
        Bytes of the whole decision log, from 1 MiB; beyond it the oldest finished parts go.
    log_gzip : bool
        Whether finished parts are compressed.
    log_features : bool
        Whether the features of withheld texts are in the decision log, to be trained on.
    max_body_bytes : int
        Bytes that a request to the service may have, 1 KiB to 1 GiB.
    requests_per_s : float, optional
        Requests a second that each worker takes of one caller, > 0; ``None`` is no limit.
    default_model : str, optional
        Model of rows of logs that name neither model nor tier.
    tenant_attr : str
        Attribute of a task that names its tenant.
    budget_usd, budget_usd_per_day : float, optional
        USD to spend per request, or per day, > 0.
    budget_requests : int, optional
        Requests that the budget per request is for, >= 1, where their number is known.
    quality_floor : float, optional
        Mean quality to keep, 0-10.
    saving : float, optional
        Share of the dear tier's cost to save, in [0, 1).
    affinity : bool
        Whether a session keeps its tier.
    switch_cost : bool
        Whether leaving a session's tier must be worth reading its context anew.
    cache_lives_s : float
        Seconds for which a prompt cache is warm, >= 0.
    escalate_after : int, optional
        Failures in a row after which a session goes one tier up, >= 1; ``None`` never.
    escalate_most : int
        Tiers that it goes up at most, >= 1.
    failure_below : float
        Reported quality, 0-10, below which an outcome is a failure.
    incumbent : str, optional
        Tier that is left only on evidence.
    abstain_sd : float
        Standard errors that the lead over the incumbent must exceed, >= 0.
    shadow : bool
        Whether to decide and return the incumbent all the same.
    scores : dict
        What the scores in logs say of quality, by their names, as it stands in the file; `ingest`
        checks it.
    rules, caps : tuple of dict
        The tables [[rule]] and [[cap]] as they stand in the file; the router checks them against
        its tiers.
    upstreams : tuple of dict
        The tables [[upstream]] as they stand in the file; the gateway checks them.
    tier_upstreams : dict of str to object
        What each [[tier]] says of its ``upstream``, by the tier's name.
    gateway : dict
        The section [gateway] as it stands in the file; the gateway checks it.
    sources : dict of str to str
        For each field, where its value came from.
    """

    tiers: tuple[Tier, ...] = ()
    lam: Annotated[float, Meta(ge=0, le=1e6)] = 0.3
    strategy: StrategyName = "residual"
    epsilon: Share | None = None
    alpha: Share | None = None
    seed: Annotated[int, Meta(ge=0)] = 0
    folds: Annotated[int, Meta(ge=2, le=50)] = 5
    n_jobs: Annotated[int, Meta(ge=1)] | None = None
    store_text: bool = False
    redact: tuple[str, ...] = ()
    log_keep_days: Annotated[float, Meta(gt=0, le=36_500)] = 90.0
    log_keep_bytes: Annotated[int, Meta(ge=1 << 20)] = 20 << 30
    log_gzip: bool = False
    log_features: bool = True
    max_body_bytes: Annotated[int, Meta(ge=1024, le=1 << 30)] = 1 << 20
    requests_per_s: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    default_model: str | None = None
    tenant_attr: str = "tenant"
    budget_usd: Usd | None = None
    budget_usd_per_day: Usd | None = None
    budget_requests: Annotated[int, Meta(ge=1)] | None = None
    quality_floor: Quality | None = None
    saving: Annotated[float, Meta(ge=0, lt=1)] | None = None
    affinity: bool = False
    switch_cost: bool = False
    cache_lives_s: Annotated[float, Meta(ge=0)] = 300.0
    escalate_after: Annotated[int, Meta(ge=1)] | None = None
    escalate_most: Annotated[int, Meta(ge=1)] = 2
    failure_below: Quality = 5.0
    incumbent: str | None = None
    abstain_sd: Annotated[float, Meta(ge=0)] = 1.0
    shadow: bool = False
    scores: dict[str, object] = {}
    rules: tuple[dict[str, object], ...] = ()
    caps: tuple[dict[str, object], ...] = ()
    upstreams: tuple[dict[str, object], ...] = ()
    tier_upstreams: dict[str, object] = {}
    gateway: dict[str, object] = {}
    sources: dict[str, str] = {}

    @property
    def given_lam(self) -> float | None:
        """Lambda where a flag, the file or the environment gives it, else ``None``."""
        return None if self.sources.get("lam", "default") == "default" else self.lam

    @property
    def tier_set(self) -> TierSet | None:
        """The declared tiers as a set, ``None`` where none is declared."""
        return TierSet(self.tiers) if self.tiers else None
