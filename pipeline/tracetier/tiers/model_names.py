"""How logs spell the names of models, brought to one spelling.

Gateway and vendor prefixes, cloud regions, dates and aliases come off; only whole names of a known
shape are of a family.
"""

import re

FAMILIES = ("haiku", "sonnet", "opus")
"""Model families known without a user's map, cheap to dear."""

_VENDORS = (
    "ai21|amazon|anthropic|azure|bedrock|cohere|deepseek|google|google-gla|google-vertex|groq|meta|"
    "minimax|mistral|moonshot|moonshotai|nvidia|openai|openrouter|qwen|vertex_ai|writer|xai|zai"
)
# Amazon's ids: an inference region, a vendor, the model and its revision.
_VENDOR_DOT = re.compile(rf"(?:(?:us|eu|ap|apac|au|ca|jp|global|us-gov)\.)?(?:{_VENDORS})\.")
_VENDOR_COLON = re.compile(rf"(?:{_VENDORS}):")
# Claude 2 carries its version where others carry the cloud's revision: claude-v2:1 is 2.1.
_REVISION = re.compile(r"(?<!claude)-v?\d+(?::\d+)+k?$")
_BARE_REVISION = re.compile(r"(?<!claude)-v\d+$")
_MONTH, _DAY, _YEAR = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])", r"20\d\d"
# At the end or before a mode: claude-3-7-sonnet-20250219-thinking.
_DATE = re.compile(rf"-(?:{_YEAR}-?{_MONTH}-?{_DAY}|{_MONTH}-{_YEAR})(?=$|[-:])")
_ALIAS = re.compile(r"(?:[-:]latest|\[1m\])$")
_FAMILY, _VERSION = "|".join(FAMILIES), r"\d{1,2}(?:[.-]\d{1,2})?"
_CLAUDE = re.compile(
    rf"claude-(?:(?P<family>{_FAMILY})(?:-(?P<version>{_VERSION}))?"
    rf"|(?P<early_version>{_VERSION})-(?P<early_family>{_FAMILY}))"
    r"(?P<mode>(?:[-:](?:thinking|fast|preview|beta|free|nitro|floor|online|extended))*)"
)


def normalize_model(name: str) -> str:
    """Return the one spelling of a model's name, ``""`` where the name is no model.

    Lower case, without provider path, cloud region, cloud revision, date and alias. Claude models
    are spelled as their maker does: ``claude-3-5-haiku`` but ``claude-haiku-4-5``.

    Examples
    --------
    >>> normalize_model("us.anthropic.claude-3-5-haiku-20241022-v1:0")
    'claude-3-5-haiku'
    >>> normalize_model("openai/Claude-Sonnet-4.5")
    'claude-sonnet-4-5'
    >>> normalize_model("<synthetic>")
    ''
    """
    bare = without_provider(name)
    while (shorter := _strip_once(bare)) != bare:
        bare = shorter
    return _claude_spelling(bare)


def without_provider(name: str) -> str:
    """Return a model's name in lower case without its provider; date and alias stay.

    Examples
    --------
    >>> without_provider("bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0")
    'claude-sonnet-4-20250514'
    """
    bare = name.lower()
    while (shorter := _strip_provider(bare)) != bare:
        bare = shorter
    return "" if bare.startswith("<") else bare


def family_of(name: str) -> str | None:
    """Return the family of a model, one of `FAMILIES`, or ``None`` where it is of none of them.

    Only whole names of a known shape count: a name that merely contains a family's word is
    unknown, and needs the user's pattern.

    Examples
    --------
    >>> family_of("claude-4-5-haiku"), family_of("haiku"), family_of("my-opus-clone")
    ('haiku', 'haiku', None)
    """
    bare = normalize_model(name)
    if bare in FAMILIES:
        return bare
    found = _CLAUDE.fullmatch(bare)
    return (found["family"] or found["early_family"]) if found else None


def _strip_provider(name: str) -> str:
    name = name.strip().rstrip("/").rpartition("/")[2]
    if prefix := _VENDOR_DOT.match(name):
        name = _BARE_REVISION.sub("", name[prefix.end() :])
    elif prefix := _VENDOR_COLON.match(name):
        name = name[prefix.end() :]
    return _REVISION.sub("", name)


def _strip_once(name: str) -> str:
    name = name.strip().partition("@")[0] or name  # Vertex: claude-sonnet-4@20250514
    return _REVISION.sub("", _DATE.sub("", _ALIAS.sub("", name)))


def _claude_spelling(name: str) -> str:
    found = _CLAUDE.fullmatch(name)
    version = found and (found["version"] or found["early_version"])
    if not found or not version:
        return name
    family, version = found["family"] or found["early_family"], version.replace(".", "-")
    is_early = int(version.partition("-")[0]) < 4  # the words changed places with Claude 4
    parts = (version, family) if is_early else (family, version)
    return f"claude-{'-'.join(parts)}{found['mode']}"
