"""What is left out where an optional library is missing."""

from importlib.util import find_spec

collect_ignore = (
    []
    if find_spec("litellm")
    else ["pipeline/tracetier/integrations/litellm_strategy.py"]  # subclasses what it cannot import
)
