"""The features as data: name, unit, the columns it reads, what it measures.

The table drives extraction (the order of a row), the Parquet columns ``x_*``, the page of the
documentation and the check against leakage. A feature may read only columns that are known
before the decision. ``nan`` always means unknown.
"""

import hashlib
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from tracetier.errors import LeakageError
from tracetier.features.text import MAX_TEXT_BYTES
from tracetier.features.words import HASH_BITS
from tracetier.table.columns import ATTR_PREFIX, column_names

EXTRACTOR_VERSION = 1
"""Raised whenever the same task would give another value in a column, or another word id."""

BEFORE_COLUMNS = frozenset(
    {
        "task_text",
        "task_type",
        "agent_name",
        "tools",
        "n_tools",
        "prompt_tokens_est",
        "context_tokens",
        "latency_limit_s",
        "turn_index",
        "n_prior_errors",
        "n_prior_retries",
        "n_files_touched",
        "idle_s",
        "last_tier",
        "last_failed",
        "level",
    }
)
"""Columns of the feature table that are known before the decision; beside them, ``attr_*``."""

_LATE = column_names("action", "after")
LATE_ATTRS = frozenset(
    ATTR_PREFIX + name for late in _LATE for name in (late, late.removeprefix("y_"))
)
"""Attributes with the name of an action or an outcome: a copy of it, until proven otherwise."""


class FeatureSpec(Struct, frozen=True):
    """One numeric feature.

    Attributes
    ----------
    name : str
        Column name, ``x_*``.
    unit : str
        ``1`` for a pure number, ``ln`` for the natural logarithm of one plus a count.
    source : tuple of str
        Columns of the feature table that it reads, all known before the decision.
    doc : str
        What it measures.
    """

    name: str
    unit: str
    source: tuple[str, ...]
    doc: str


def _text(name: str, unit: str, doc: str) -> FeatureSpec:
    return FeatureSpec(name, unit, ("task_text",), doc)


SHAPE_FEATURES: tuple[FeatureSpec, ...] = (
    _text("x_bytes", "ln", "UTF-8 bytes of the text"),
    _text("x_words", "ln", "words"),
    _text("x_lines", "ln", "line breaks"),
    _text("x_sentences", "ln", "full stops, exclamation and question marks"),
    _text("x_longest_sentence", "ln", "bytes of the longest stretch without a full stop"),
    _text("x_word_length", "1", "mean bytes per word"),
    _text("x_long_words", "1", "words of nine bytes or more per word"),
    _text("x_unique_words", "1", "distinct words per word"),
    _text("x_numbers", "ln", "runs of digits"),
    _text("x_distinct_numbers", "ln", "distinct runs of digits"),
    _text("x_longest_number", "ln", "digits of the longest run"),
    _text("x_decimals", "ln", "punctuation between two digits: decimals, dates, times, ranges"),
    _text("x_digits", "1", "digits per byte"),
    _text("x_upper", "1", "upper-case letters per byte"),
    _text("x_capitalised", "ln", "words after a space that start with a capital"),
    _text("x_non_ascii", "1", "non-ASCII bytes per byte"),
    _text("x_punctuation", "1", "other punctuation per byte"),
    _text("x_brackets", "ln", "round and square brackets"),
    _text("x_code", "ln", "braces and semicolons"),
    _text("x_operators", "ln", "operators: = + * / ^ < > | & %"),
    _text("x_commas", "ln", "commas"),
    _text("x_colons", "ln", "colons"),
    _text("x_quotes", "ln", "single and double quotes"),
    _text("x_questions", "ln", "question marks"),
    _text("x_ends_with_question", "1", "1 where the text ends with a question mark"),
    _text("x_starts_upper", "1", "1 where the text starts with a capital"),
    _text("x_dollars", "ln", "dollar signs (money, LaTeX)"),
    _text("x_backslashes", "ln", "backslashes (LaTeX, escapes)"),
    _text("x_backticks", "ln", "backticks (Markdown code)"),
    _text("x_underscores", "ln", "underscores (identifiers)"),
    _text("x_links", "ln", "http addresses"),
    _text("x_options", "ln", "second answer options: '(B)', or a line that starts 'B.' or 'B)'"),
    _text("x_cue_negation", "ln", "distinct words of negation"),
    _text("x_cue_conjunction", "ln", "distinct words that join parts of a task"),
    _text("x_cue_condition", "ln", "distinct words of condition and cause"),
    _text("x_cue_quantity", "ln", "distinct words of quantity"),
    _text("x_cue_ratio", "ln", "distinct words of ratio"),
    _text("x_cue_comparison", "ln", "distinct words of comparison and order"),
    _text("x_cue_question", "ln", "distinct question words"),
    _text("x_cue_person", "ln", "distinct words of first and second person"),
    _text("x_cue_request", "ln", "distinct words of request"),
    _text("x_cue_reasoning", "ln", "distinct words that ask for reasoning"),
    _text("x_cue_coding", "ln", "distinct words of programming"),
)

STATE_FEATURES: tuple[FeatureSpec, ...] = (
    FeatureSpec("x_tools", "ln", ("tools", "n_tools"), "tools offered"),
    FeatureSpec(
        "x_tool_overlap_max",
        "1",
        ("task_text", "tools"),
        "largest share of one tool's name parts that occur in the text",
    ),
    FeatureSpec(
        "x_tool_overlap_mean",
        "1",
        ("task_text", "tools"),
        "mean share of a tool's name parts that occur in the text",
    ),
    FeatureSpec("x_tool_name_bytes", "1", ("tools",), "mean length of a tool's name"),
    FeatureSpec("x_tool_dotted", "1", ("tools",), "share of tool names with a dot"),
    FeatureSpec(
        "x_prompt_tokens",
        "ln",
        ("prompt_tokens_est", "task_text"),
        "estimated prompt tokens; a quarter of the text's bytes where no estimate is given",
    ),
    FeatureSpec("x_context_tokens", "ln", ("context_tokens",), "tokens of the whole context"),
    FeatureSpec("x_latency_limit", "ln", ("latency_limit_s",), "longest acceptable time, s"),
    FeatureSpec("x_turn", "ln", ("turn_index",), "turn within the session"),
    FeatureSpec("x_prior_errors", "ln", ("n_prior_errors",), "failures so far in the session"),
    FeatureSpec(
        "x_prior_retries", "ln", ("n_prior_retries",), "second tries so far in the session"
    ),
    FeatureSpec(
        "x_files_touched", "ln", ("n_files_touched",), "files touched so far in the session"
    ),
    FeatureSpec("x_idle", "ln", ("idle_s",), "time since the session's last step, s"),
    FeatureSpec("x_last_failed", "1", ("last_failed",), "1 where the previous invocation failed"),
)

FEATURES: tuple[FeatureSpec, ...] = SHAPE_FEATURES + STATE_FEATURES
X_COLUMNS: tuple[str, ...] = tuple(feature.name for feature in FEATURES)


def fingerprint() -> str:
    """Return 16 hex digits that change whenever a column or word id would have another value.

    A column that is added changes nothing of the others: an artifact names the columns that it
    takes, so it outlives such additions.
    """
    content = msgspec.json.encode([EXTRACTOR_VERSION, HASH_BITS, MAX_TEXT_BYTES])
    return hashlib.sha256(content).hexdigest()[:16]


def check_known_before(columns: Iterable[str]) -> None:
    """Refuse columns that are known only after the decision.

    Only names can be judged here: an outcome under an innocent name passes.

    Raises
    ------
    LeakageError
        Naming each column that is neither in ``BEFORE_COLUMNS`` nor ``attr_*``, or that is an
        attribute with the name of an action or an outcome.

    Examples
    --------
    >>> check_known_before(["task_text", "attr_team"])
    >>> check_known_before(["y_output_tokens"])
    Traceback (most recent call last):
    tracetier.errors.LeakageError: 'y_output_tokens' is not known before the decision...
    >>> check_known_before(["attr_output_tokens"])
    Traceback (most recent call last):
    tracetier.errors.LeakageError: 'attr_output_tokens' is not known before the decision...
    """
    late = sorted(name for name in columns if not _is_known_before(name))
    if late:
        raise LeakageError(
            f"{', '.join(map(repr, late))} is not known before the decision, so it cannot be a "
            f"feature; allowed are attr_* and {', '.join(sorted(BEFORE_COLUMNS))}. "
            "An outcome belongs in a y_* column; what is known before and only sounds like an "
            "outcome needs another name"
        )


def _is_known_before(name: str) -> bool:
    if name.startswith(ATTR_PREFIX):
        return name not in LATE_ATTRS and not name.startswith(ATTR_PREFIX + "y_")
    return name in BEFORE_COLUMNS
