"""Settings: who wins, where each value came from, and what a typo says."""

import pickle
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from tracetier.errors import SettingsError
from tracetier.route import strategy
from tracetier.settings import SETTINGS, Settings, StrategyName, load_settings
from tracetier.tiers import Tier, TierSet

FULL = """\
[[tier]]
name = "low"
models = ["gpt-5-nano", "claude-*haiku*"]
input_usd_per_mtok = 1
output_usd_per_mtok = 5.0

[[tier]]
name = "high"
model = "claude-opus-4-5"

[route]
lam = 2
strategy = "seed"
epsilon = 0.1
alpha = 0.03

[train]
seed = 5
folds = 3
n_jobs = 2

[privacy]
store_text = true
"""


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Path of the settings file of an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "tracetier.toml"


def test_without_any_source_the_defaults_hold(toml: Path) -> None:
    """No file, no variable, no flag; the published lambda."""
    settings = load_settings()

    assert settings == Settings(sources=settings.sources)
    assert settings.lam == 0.3
    assert settings.tier_set is None
    assert not settings.store_text
    assert set(settings.sources.values()) == {"default"}


def test_the_file_sets_every_setting(toml: Path) -> None:
    """Found in the working folder, and the same by its path."""
    toml.write_text(FULL)

    settings = load_settings()

    low = Tier(
        name="low",
        models=("gpt-5-nano", "claude-*haiku*"),
        input_usd_per_mtok=1.0,
        output_usd_per_mtok=5.0,
    )
    high = Tier(name="high", model="claude-opus-4-5")
    assert settings == Settings(
        tiers=(low, high),
        lam=2.0,
        strategy="seed",
        epsilon=0.1,
        alpha=0.03,
        seed=5,
        folds=3,
        n_jobs=2,
        store_text=True,
        sources=settings.sources,
    )
    assert settings.tier_set == TierSet((low, high))
    assert settings.sources["tiers"] == "tracetier.toml"
    assert settings.sources["lam"] == "tracetier.toml [route]"
    assert msgspec.structs.replace(load_settings(toml), sources={}) == msgspec.structs.replace(
        settings, sources={}
    )


def test_environment_beats_file_and_flags_beat_both(toml: Path) -> None:
    """``None`` and an empty variable count as not given."""
    toml.write_text("[route]\nlam = 1.0\nepsilon = 0.1\n[train]\nseed = 1\nfolds = 3\n")

    settings = load_settings(
        env={"TRACETIER_SEED": "2", "TRACETIER_EPSILON": "0.2", "TRACETIER_FOLDS": "", "LAM": "9"},
        overrides={"epsilon": 0.3, "seed": None},
    )

    assert (settings.lam, settings.seed, settings.epsilon, settings.folds) == (1.0, 2, 0.3, 3)
    assert settings.sources["lam"] == "tracetier.toml [route]"
    assert settings.sources["seed"] == "TRACETIER_SEED"
    assert settings.sources["epsilon"] == "flag"


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("TRACETIER_LAM", "0.5", 0.5),
        ("TRACETIER_STRATEGY", "seed", "seed"),
        ("TRACETIER_EPSILON", "0", 0.0),
        ("TRACETIER_ALPHA", "1", 1.0),
        ("TRACETIER_SEED", "7", 7),
        ("TRACETIER_FOLDS", "10", 10),
        ("TRACETIER_N_JOBS", "1", 1),
        ("TRACETIER_STORE_TEXT", "true", True),
    ],
)
def test_every_setting_has_a_variable(
    toml: Path, monkeypatch: pytest.MonkeyPatch, variable: str, text: str, value: object
) -> None:
    """Read from the environment of the process, as text."""
    monkeypatch.setenv(variable, text)

    settings = load_settings()

    assert getattr(settings, variable.removeprefix("TRACETIER_").lower()) == value


def test_what_stands_above_the_learner_is_read(toml: Path) -> None:
    """Rules and caps as they stand, since the tiers that they name are not known here."""
    toml.write_text(
        "[budget]\nbudget_usd = 0.01\n[session]\nescalate_after = 3\nswitch_cost = true\n"
        "[rollout]\nincumbent = 'opus'\nshadow = true\n[policy]\ntenant_attr = 'team'\n"
        "[[rule]]\ntask_type = 'sec_*'\nfloor = 'opus'\n[[rule]]\ndeny = ['haiku']\n"
        "[[cap]]\nper = 'session'\nusd = 2\n"
    )

    settings = load_settings(env={"TRACETIER_ESCALATE_MOST": "1"})

    assert (settings.budget_usd, settings.escalate_after, settings.escalate_most) == (0.01, 3, 1)
    assert (settings.switch_cost, settings.incumbent, settings.shadow) == (True, "opus", True)
    assert settings.tenant_attr == "team"
    assert settings.rules == ({"task_type": "sec_*", "floor": "opus"}, {"deny": ["haiku"]})
    assert settings.caps == ({"per": "session", "usd": 2},)
    assert settings.sources["rules"] == "tracetier.toml"
    assert settings.sources["shadow"] == "tracetier.toml [rollout]"


def test_the_table_of_settings_names_every_field() -> None:
    """A field without a row could not be set by file or variable."""
    only_in_the_file = {"tiers", "scores", "rules", "caps"}
    only_in_the_file |= {"upstreams", "tier_upstreams", "gateway"}
    fields = set(Settings.__struct_fields__) - only_in_the_file - {"sources"}

    assert {spec.field for spec in SETTINGS} == fields


def test_the_strategies_that_can_be_set_are_those_of_the_router() -> None:
    """Named twice, since settings lie below the router."""
    assert get_args(StrategyName) == get_args(strategy.StrategyName)


def test_tiers_can_be_given_by_the_caller(toml: Path) -> None:
    """As records; they replace those of the file."""
    toml.write_text(FULL)

    settings = load_settings(overrides={"tiers": (Tier(name="only"),)})

    assert settings.tier_set == TierSet((Tier(name="only"),))
    assert settings.sources["tiers"] == "flag"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(
            "[route]\nlamb = 1", r"toml: \[route\] unknown.*'lamb'; did you mean 'lam'", id="key"
        ),
        pytest.param("[rout]\nlam = 1", "'rout'; did you mean 'route'", id="section"),
        pytest.param(
            "[zzz]", "'zzz'; known are tier, scores, gateway, rule, cap, upstr", id="nothing near"
        ),
        pytest.param("lam = 1", r"'lam' belongs under \[route\]", id="no section"),
        pytest.param("[train]\nlam = 1", r"\[train\] 'lam' belongs under", id="other section"),
        pytest.param("route = 3", r"'route' is 3, expected a section", id="section is a value"),
        pytest.param(
            "[route]\nlam = -1", r"\[route\] lam is -1: Expected `float` >= 0", id="range"
        ),
        pytest.param("[route]\nlam = nan", "lam is nan: Expected `float` >= 0", id="nan"),
        pytest.param("[route]\nlam = inf", "lam is inf: Expected `float` <= 1", id="infinite"),
        pytest.param("[route]\nlam = '1'", "lam is '1': Expected `float`, got `str`", id="text"),
        pytest.param("[train]\nfolds = 1", "folds is 1: Expected `int` >= 2", id="one fold"),
        pytest.param("[train]\nn_jobs = 0", "n_jobs is 0: Expected `int` >= 1", id="no job"),
        pytest.param(
            "[route]\nstrategy = 'ucb'", "strategy is 'ucb'.*seed, seed-warm or greedy", id="choice"
        ),
        pytest.param("[tier]\nname = 'a'", r"no list of tables.*\[\[tier\]\]", id="one bracket"),
        pytest.param(
            "[[tier]]\nname = 'a'\n[[tier]]\nname = 'b'\nmodles = []",
            r"\[\[tier\]\] 2: unknown key 'modles'; did you mean 'models'",
            id="tier key",
        ),
        pytest.param(
            "[[tier]]\nmodels = ['a']", r"\[\[tier\]\] 1 \('no name'\).*`name`", id="no name"
        ),
        pytest.param(
            "[[tier]]\nname = 'a'\nmodels = 'b'", r"\('a'\): Expected `array`", id="not a list"
        ),
        pytest.param(
            "[[tier]]\nname = 'a'\ninput_usd_per_mtok = 1", "some of its prices", id="half a price"
        ),
        pytest.param(
            "[[tier]]\nname = 'a'\n[[tier]]\nname = 'a'", "'a' is given twice", id="same name"
        ),
        pytest.param(
            "[rule]\npin = 'a'", r"'rule' is no list.*one \[\[rule\]\] per", id="one rule"
        ),
        pytest.param("cap = 3", r"'cap' is no list.*\[\[cap\]\] per cap", id="cap is a value"),
        pytest.param("[policy]\npin = 1", r"\[policy\] unknown section or key 'pin'", id="policy"),
        pytest.param("[budget]\nusd = 1", "'usd'; known are budget_usd, budget", id="budget key"),
        pytest.param("[budget]\nbudget_usd = 0", "budget_usd is 0: .* > 0", id="no budget"),
        pytest.param("[session]\nescalate_after = 0", "escalate_after is 0", id="never stuck"),
        pytest.param("[rollout]\nsaving = 0.5", r"'saving' belongs under \[budget\]", id="place"),
        pytest.param("[route]\nlam = = 1", "not a TOML file: .*line 2", id="not toml"),
    ],
)
def test_a_mistake_in_the_file_names_file_key_and_mend(
    toml: Path, content: str, words: str
) -> None:
    """One clear line each."""
    toml.write_text(content)

    with pytest.raises(SettingsError, match=words) as caught:
        load_settings()
    assert str(caught.value).startswith("tracetier.toml")


def test_a_file_that_cannot_be_read_is_told(toml: Path) -> None:
    """Missing, a folder, not text."""
    with pytest.raises(SettingsError, match=r"absent.toml' cannot be read: No such file"):
        load_settings(Path("absent.toml"))
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load_settings(toml.parent)
    toml.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"not a TOML file: .*utf-8"):
        load_settings()


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"TRACETIER_LAM": "much"}, "TRACETIER_LAM is 'much': Expected `float`"),
        ({"TRACETIER_LAM": "nan"}, "TRACETIER_LAM is 'nan'"),
        ({"TRACETIER_STORE_TEXT": "perhaps"}, "TRACETIER_STORE_TEXT is 'perhaps'"),
        ({"TRACETIER_STRATGY": "seed"}, "'TRACETIER_STRATGY'; did you mean 'TRACETIER_STRATEGY'"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    toml: Path, env: dict[str, str], words: str
) -> None:
    """Bad values, and names that look like a typo."""
    with pytest.raises(SettingsError, match=words):
        load_settings(env=env)


def test_variables_that_an_orchestrator_sets_are_left_alone(toml: Path) -> None:
    """Kubernetes sets these for a service called tracetier."""
    env = {
        "TRACETIER_PORT": "tcp://10.0.0.1:8080",
        "TRACETIER_SERVICE_HOST": "10.0.0.1",
        "TRACETIER_SERVICE_PORT": "8080",
        "TRACETIER_PORT_8080_TCP_ADDR": "10.0.0.1",
    }

    assert set(load_settings(env=env).sources.values()) == {"default"}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"lamda": 1.0}, "unknown setting 'lamda'; did you mean 'lam'"),
        ({"lam": -1.0}, "lam is -1.0: Expected `float` >= 0"),
        ({"tiers": [{"name": ""}]}, "tiers is .*empty"),
    ],
)
def test_a_mistake_in_a_flag_names_the_flag(
    toml: Path, overrides: dict[str, object], words: str
) -> None:
    """Unknown names and bad values."""
    with pytest.raises(SettingsError, match=words):
        load_settings(overrides=overrides)


def test_settings_are_frozen_and_travel_to_another_process(toml: Path) -> None:
    """They are handed to workers."""
    settings = load_settings()

    with pytest.raises(AttributeError, match="immutable"):
        settings.lam = 1.0  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(settings)) == settings
