"""Rules as they are read: every mistake is told where it stands."""

import pytest

from tracetier.errors import SettingsError
from tracetier.records import Task
from tracetier.route.policy.rules import read_rules
from tracetier.tiers import DEFAULT_TIERS


def test_a_rule_is_read_with_its_tiers_as_indices() -> None:
    """All conditions must hold."""
    (rule,) = read_rules(
        [
            {
                "name": "secrets",
                "task_type": "sec_*",
                "attr_pii": True,
                "floor": "sonnet",
                "ceiling": "opus",
                "pin": "sonnet",
                "deny": "haiku",
                "explore": False,
            }
        ],
        DEFAULT_TIERS,
    )

    assert (rule.name, rule.floor, rule.ceiling, rule.pin) == ("secrets", 1, 2, 1)
    assert (rule.deny, rule.explore) == ((0,), False)
    assert rule.matches(Task(task_type="sec_x", attrs={"pii": True}))
    assert not rule.matches(Task(task_type="sec_x"))
    assert rule.told(DEFAULT_TIERS.names) == (
        "task_type 'sec_*' and attr_pii true",
        "pin sonnet, floor sonnet, ceiling opus, deny haiku, no exploration",
    )


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"task_typ": "x", "pin": "opus"}, "unknown key 'task_typ'; did you mean 'task_type'?"),
        ({"zzz": 1, "pin": "opus"}, "unknown key 'zzz'; conditions are task_type, .*effects pin"),
        ({"pin": "opsu"}, r"pin: tier 'opsu' is not declared.*did you mean 'opus'"),
        ({"deny": ["haiku", "gpt"]}, "deny: tier 'gpt' is not declared, the tiers are haiku"),
        ({"floor": ["opus"]}, r"floor is \['opus'\], expected the name of one tier"),
        ({"deny": ["haiku", "sonnet", "opus"]}, "denies every tier"),
        ({"task_type": "x"}, "asks for nothing; give one of pin, floor"),
        ({"explore": 0}, "explore is 0, expected true or false"),
        ({"name": " ", "pin": "opus"}, "name is ' ', expected some words"),
        ({"name": "n", "tools": 1, "pin": "opus"}, r"\[\[rule\]\] 1 \('n'\): tools is 1"),
    ],
)
def test_a_mistake_in_a_rule_is_told(entry: dict[str, object], told: str) -> None:
    """With file, number, name, and the close match."""
    with pytest.raises(SettingsError, match=told) as caught:
        read_rules([entry], DEFAULT_TIERS, where="my.toml")

    assert str(caught.value).startswith("my.toml: [[rule]] 1")


def test_two_rules_of_one_name_are_refused() -> None:
    """A reason must name one rule."""
    with pytest.raises(SettingsError, match="two rules are called 'a'"):
        read_rules([{"name": "a", "pin": "opus"}, {"name": "a", "pin": "haiku"}], DEFAULT_TIERS)
