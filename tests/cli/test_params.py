"""Lambda: who decides it."""

import pytest

from tracetier.cli.params import lam_of
from tracetier.settings import load_settings


@pytest.mark.parametrize(
    ("env", "flag", "expected"),
    [
        pytest.param({}, None, None, id="left to the artifact"),
        pytest.param({"TRACETIER_LAM": "0.3"}, None, 0.3, id="said, if only the default"),
        pytest.param({"TRACETIER_LAM": "2"}, 0.0, 0.0, id="a flag wins, also with 0"),
    ],
)
def test_lambda_is_the_artifacts_unless_the_user_says_one(
    env: dict[str, str], flag: float | None, expected: float | None
) -> None:
    """The default of the settings is no word of the user."""
    assert lam_of(load_settings(env=env, overrides={"lam": flag})) == expected
