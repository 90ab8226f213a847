"""Token counts as the two providers write them → one convention: input includes the cache."""

from msgspec import Struct


class InputDetails(Struct, frozen=True):
    """Parts of the input."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class CacheCreation(Struct, frozen=True):
    """Of the tokens written to the cache, those that are kept for an hour."""

    ephemeral_1h_input_tokens: int | None = None


class Usage(Struct, frozen=True):
    """Usage of one call, in the words of either provider.

    ``cost`` is what some resellers add, in USD.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens_details: InputDetails | None = None
    input_tokens_details: InputDetails | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    cost: float | None = None
    service_tier: str | None = None


class Tokens(Struct, frozen=True):
    """Counts of one call; those of the cache are parts of the input."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None


def tokens_of(usage: Usage | None, *, excludes_cache: bool = False) -> Tokens:
    """Return the counts of a call.

    Parameters
    ----------
    excludes_cache : bool
        Whether the log counts cached input apart, as Anthropic does. Counts that can only be
        read so (more from the cache than in all) are read so anyway.

    Examples
    --------
    >>> tokens_of(Usage(input_tokens=5, cache_read_input_tokens=90), excludes_cache=True).input
    95
    >>> tokens_of(Usage(prompt_tokens=9, prompt_tokens_details=InputDetails(4))).input
    9
    """
    if usage is None:
        return Tokens()
    details = usage.prompt_tokens_details or usage.input_tokens_details or InputDetails()
    read = _first(usage.cache_read_input_tokens, details.cached_tokens)
    written = _first(usage.cache_creation_input_tokens, details.cache_write_tokens)
    total = _first(usage.prompt_tokens, usage.input_tokens)
    n_cached = (read or 0) + (written or 0)
    if total is not None and (excludes_cache or n_cached > total):
        total += n_cached
    output = _first(usage.completion_tokens, usage.output_tokens)
    creation = usage.cache_creation or CacheCreation()
    hour = creation.ephemeral_1h_input_tokens or None
    return Tokens(
        input=total, output=output, cache_read=read, cache_write=written, cache_write_1h=hour
    )


def merged(first: Usage | None, later: Usage | None) -> Usage | None:
    """Return the usage that a stream tells last: later counts replace earlier ones."""
    if first is None or later is None:
        return later if first is None else first
    values = {
        name: getattr(later, name) if getattr(later, name) is not None else getattr(first, name)
        for name in Usage.__struct_fields__
    }
    return Usage(**values)


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)
