"""Where each setting is read from: its place in the file, and its variable."""

from typing import Final

from msgspec import Struct

ENV_PREFIX: Final = "TRACETIER_"


class SettingSpec(Struct, frozen=True):
    """Where a setting is read from: a key of a section in the file, and a variable."""

    field: str
    section: str
    doc: str

    @property
    def env(self) -> str:
        """Name of the environment variable."""
        return ENV_PREFIX + self.field.upper()


SETTINGS: Final = (
    SettingSpec("lam", "route", "weight of cost (0-1) against quality (0-10) in the reward"),
    SettingSpec(
        "strategy", "route", "how it learns: residual, thompson, seed, seed-warm or greedy"
    ),
    SettingSpec("epsilon", "route", "share of random exploration, 0 to 1"),
    SettingSpec("alpha", "route", "step of learning, 0 to 1"),
    SettingSpec("budget_usd", "budget", "USD to spend per request"),
    SettingSpec("budget_usd_per_day", "budget", "USD to spend per day"),
    SettingSpec("budget_requests", "budget", "requests that budget_usd is for, where known"),
    SettingSpec("quality_floor", "budget", "mean quality to keep, 0 to 10"),
    SettingSpec("saving", "budget", "share of the dear tier's cost to save, 0 to 1"),
    SettingSpec("tenant_attr", "policy", "attribute of a task that names its tenant"),
    SettingSpec("affinity", "session", "a session keeps its tier"),
    SettingSpec("switch_cost", "session", "another tier must be worth reading the context anew"),
    SettingSpec("cache_lives_s", "session", "seconds for which a prompt cache is warm"),
    SettingSpec("escalate_after", "session", "failures in a row that make a session go one up"),
    SettingSpec("escalate_most", "session", "tiers that a session goes up at most"),
    SettingSpec("failure_below", "session", "quality, 0 to 10, below which an outcome failed"),
    SettingSpec("incumbent", "rollout", "tier that is left only on evidence"),
    SettingSpec("abstain_sd", "rollout", "standard errors that a lead over it must exceed"),
    SettingSpec("shadow", "rollout", "decide, and return the incumbent all the same"),
    SettingSpec("seed", "train", "seed of every random draw"),
    SettingSpec("folds", "train", "folds of the out-of-fold predictions"),
    SettingSpec("n_jobs", "train", "fits at a time, one per core where not given"),
    SettingSpec("default_model", "ingest", "model of rows that name neither model nor tier"),
    SettingSpec("store_text", "privacy", "write task texts to decision logs"),
    SettingSpec("redact", "privacy", "list of regular expressions that --redact takes out too"),
    SettingSpec("log_keep_days", "log", "days for which a decision log is kept"),
    SettingSpec("log_keep_bytes", "log", "bytes that a decision log may have"),
    SettingSpec("log_gzip", "log", "compress finished parts of a decision log"),
    SettingSpec("log_features", "log", "write features of withheld texts to decision logs"),
    SettingSpec("max_body_bytes", "serve", "bytes that a request may have"),
    SettingSpec("requests_per_s", "serve", "requests a second of one caller, per worker"),
)
"""Every setting but tiers, scores, rules, caps and the gateway's: only the file declares those."""

SPECS: Final = {spec.field: spec for spec in SETTINGS}
"""The same by field."""
