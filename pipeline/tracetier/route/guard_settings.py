"""From the user's settings to the layers above the learner, checked against the tiers at hand."""

from collections.abc import Sequence

from msgspec import structs

from tracetier.errors import SettingsError, TierError
from tracetier.route.escalation import Escalation
from tracetier.route.guards import GuardParams
from tracetier.route.incumbent import Incumbent
from tracetier.route.policy.caps import Cap, read_caps
from tracetier.route.policy.policy import Policy, read_policy
from tracetier.route.stickiness import Stickiness, reread_prices
from tracetier.settings import Settings
from tracetier.tiers import Tier, TierSet


def guard_params(
    settings: Settings, tiers: TierSet, *, effective: Sequence[float] = ()
) -> GuardParams:
    """Return what the settings ask for above the learner.

    Parameters
    ----------
    settings : Settings
    tiers : TierSet
        K tiers, with what each declares.
    effective : sequence of float, length K or 0
        Effective training outcomes per tier, where the artifact tells them.

    Raises
    ------
    SettingsError
        For a rule, tier or number that cannot be right; the place in the file is named.
    """
    return GuardParams(
        policy=policy_of(settings, tiers),
        escalation=_escalation(settings),
        stickiness=_stickiness(settings, tiers),
        incumbent=_incumbent(settings, tiers, effective),
        tenant_attr=settings.tenant_attr,
    )


def policy_of(settings: Settings, tiers: TierSet) -> Policy:
    """Return the rules over the tiers, each as it is declared now."""
    return read_policy(settings.rules, tiers, where=_where(settings, "rules"))


def caps_of(settings: Settings) -> tuple[Cap, ...]:
    """Return the caps."""
    return read_caps(settings.caps, where=_where(settings, "caps"))


def declared(tiers: TierSet, settings: Settings) -> TierSet:
    """Return the tiers with what the settings declare of those of the same name.

    A tier that was trained long ago may since have other prices, limits and models.

    Examples
    --------
    >>> now = Settings(tiers=(Tier(name="low", context_window=8000), Tier(name="other")))
    >>> [tier.context_window for tier in declared(TierSet((Tier(name="low"),)), now).tiers]
    [8000]
    """
    by_name = {tier.name: tier for tier in settings.tiers}
    return TierSet(tuple(_merged(tier, by_name.get(tier.name)) for tier in tiers.tiers))


def _merged(trained: Tier, now: Tier | None) -> Tier:
    """Return what is declared now, with the models of training where none are declared."""
    if now is None:
        return trained
    if now.models or now.model is not None:
        return now
    return structs.replace(now, models=trained.models, model=trained.model)


def _escalation(settings: Settings) -> Escalation | None:
    if settings.escalate_after is None:
        return None
    return Escalation(
        after=settings.escalate_after,
        most=settings.escalate_most,
        failure_below=settings.failure_below,
    )


def _stickiness(settings: Settings, tiers: TierSet) -> Stickiness | None:
    if not settings.affinity and not settings.switch_cost:
        return None
    return Stickiness(
        affinity=settings.affinity,
        reread_usd_per_token=reread_prices(tiers.tiers) if settings.switch_cost else (),
        cache_lives_s=settings.cache_lives_s,
    )


def _incumbent(settings: Settings, tiers: TierSet, effective: Sequence[float]) -> Incumbent | None:
    if settings.incumbent is None:
        if settings.shadow:
            raise SettingsError(
                "shadow is on, but no incumbent is declared to be returned; give incumbent under "
                "[rollout]"
            )
        return None
    try:
        tier = tiers.index(settings.incumbent)
    except TierError as error:
        where = settings.sources.get("incumbent", "settings")
        raise SettingsError(f"{where}: incumbent: {error}") from error
    return Incumbent(
        tier=tier,
        abstain_sd=settings.abstain_sd,
        shadow=settings.shadow,
        effective=tuple(effective),
    )


def _where(settings: Settings, field: str) -> str:
    source = settings.sources.get(field, "default")
    return "settings" if source == "default" else source
