"""What the user's settings say of the strategy's own."""

from msgspec.structs import replace

from tracetier.route.residual import ResidualParams
from tracetier.route.seed import SeedParams
from tracetier.route.strategy import StrategyParams
from tracetier.route.thompson import ThompsonParams
from tracetier.settings import Settings


def params_of(settings: Settings) -> StrategyParams | None:
    """Return the strategy's settings where the user's say something of them, else ``None``."""
    epsilon, alpha = settings.epsilon, settings.alpha
    if (epsilon is None and alpha is None) or settings.strategy == "greedy":
        return None
    if settings.strategy in ("seed", "seed-warm"):
        rule = SeedParams(is_warm=settings.strategy == "seed-warm")
        return replace(
            rule,
            epsilon=rule.epsilon if epsilon is None else epsilon,
            alpha=rule.alpha if alpha is None else alpha,
        )
    params = ThompsonParams() if settings.strategy == "thompson" else ResidualParams()
    if epsilon is not None:
        params = replace(params, explore_min=epsilon, explore_max=epsilon)
    if alpha is not None:
        params = replace(params, channel=replace(params.channel, alpha=alpha))
    return params
