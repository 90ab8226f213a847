"""``tracetier evaluate``: what the artifact's router would have cost and scored."""

from tracetier.cli.params import ArtifactPath, JsonFlag, LamOption, SeedOption, TablePath, lam_of
from tracetier.settings import load_settings


def evaluate(
    artifact: ArtifactPath,
    table: TablePath,
    lam: LamOption = None,
    seed: SeedOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell what the router would have saved, and at which loss.

    It is compared with each fixed tier, and with controls that could prove it wrong. Tasks that
    were in training are judged by models that had not seen them. Every figure comes
    with a 95 % interval.
    """
    from tracetier.api import evaluate as run
    from tracetier.cli.terminal import progress, show, show_json
    from tracetier.evaluate.render import render

    settings = load_settings(overrides={"lam": lam, "seed": seed})
    with progress() as tell:
        found = run(artifact, table, lam=lam_of(settings), seed=settings.seed, progress=tell)
    if as_json:
        show_json(found.summary())
    else:
        show(render(found))
