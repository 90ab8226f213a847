"""What the user of Codex said, apart from what the program writes in the user's name."""

import re

_PROGRAM = re.compile(
    r"\s*(?:<(?:app-context|collaboration_mode|environment_context|environments_instructions"
    r"|hook_prompt|model_switch|permissions instructions|personality_spec|skill|skills_instructions"
    r"|subagent_notification|turn_aborted|user_instructions|user_shell_command)\b"
    r"|# AGENTS\.md instructions)"
)
_REQUEST = "## My request for Codex:"


def asked(text: str) -> str:
    """Return the user's own words, ``""`` where there are none.

    Editors put what is open before them, and mark where they begin.

    Examples
    --------
    >>> asked("# Context from my IDE setup: ... ## My request for Codex: Fix it. ")
    'Fix it.'
    >>> asked("<environment_context><cwd>/repo</cwd></environment_context>")
    ''
    """
    if _PROGRAM.match(text):
        return ""
    return text.rpartition(_REQUEST)[2].strip()
