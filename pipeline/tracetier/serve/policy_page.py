"""What decides, as /v1/policy shows it: the artifact, the settings above it, and Q."""

from tracetier.serve.schema import PolicyAnswer, TierView
from tracetier.serve.service import Service
from tracetier.settings import Settings

_BUDGET = ("budget_usd", "budget_usd_per_day", "budget_requests", "saving", "quality_floor")
_SESSION = ("affinity", "switch_cost", "cache_lives_s", "escalate_after", "failure_below")
_ROLLOUT = ("incumbent", "abstain_sd", "shadow")


def policy_answer(service: Service, settings: Settings) -> PolicyAnswer:
    """Return what decides now."""
    router = service.router
    tiers = router.tiers.tiers
    q = router.q()
    return PolicyAnswer(
        artifact_id=router.artifact_id,
        strategy=router.strategy,
        lam=router.lam,
        tiers=[
            TierView(name=t.name, model=router.tiers.model_of(t.name), models=list(t.models))
            for t in tiers
        ],
        buckets=list(q),
        rules=list(settings.rules),
        caps=list(settings.caps),
        budget={n: v for n in _BUDGET if (v := getattr(settings, n)) is not None},
        session={n: getattr(settings, n) for n in _SESSION},
        rollout={n: getattr(settings, n) for n in _ROLLOUT},
        q=q,
    )
