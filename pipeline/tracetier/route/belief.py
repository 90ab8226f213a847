"""What the default strategy believes of a task: both channels, joined at one lambda.

The one loop over the tiers that every decision goes through, so it is written out: a list built
per quantity, or a call per tier, would cost more than the sums themselves.
"""

from collections.abc import Sequence
from math import sqrt

from msgspec import Struct

from tracetier.heads.prior import Prediction
from tracetier.route.channel import Row
from tracetier.route.james_stein import TINY_N


class Belief(Struct, frozen=True, gc=False):
    """What is believed of one task, a plain float per tier (cheap to dear).

    Attributes
    ----------
    quality, cost : list of float, length K
        Quality and reward cost, both about in [0, 1], unclipped.
    reward, sd : list of float, length K
        ``10 quality - lambda cost``, and its standard deviation.
    score : list of float, length K
        ``reward + weight sd - price cost``.
    prior_reward : list of float, length K
        The reward that the model itself predicts.
    """

    quality: list[float]
    cost: list[float]
    reward: list[float]
    sd: list[float]
    score: list[float]
    prior_reward: list[float]


def belief(
    prediction: Prediction,
    quality: Row,
    cost: Row,
    pending: Sequence[int],
    lam: float,
    weight: float,
    price: float,
) -> Belief:
    """Return what is believed, each channel as `Channel.believe` has it.

    Parameters
    ----------
    prediction : Prediction
    quality, cost : Row
        What both channels know of the task's bucket.
    pending : sequence of int, length K
        Decisions in this bucket whose report is still out.
    lam : float
        Lambda, >= 0.
    weight : float
        Standard deviations added to the score.
    price : float
        Taken off the score per unit of cost.
    """
    q_mean, q_tier, q_cell, q_beta = quality.mean, quality.tier, quality.cell, quality.beta
    q_sigma2, q_n, q_tier_var = quality.sigma2, quality.n, quality.tier_var
    c_mean, c_tier, c_cell, c_beta = cost.mean, cost.tier, cost.cell, cost.beta
    c_sigma2, c_n, c_tier_var = cost.sigma2, cost.n, cost.tier_var
    q_prior, c_prior = prediction.quality, prediction.cost
    lam2 = lam * lam
    qualities, costs, rewards, sds, scores, prior_rewards = [], [], [], [], [], []
    for a, waiting in enumerate(pending):
        mean, m = q_mean[a], q_prior[a]
        q = mean + q_tier[a] + q_cell[a] + q_beta[a] * (m - mean)
        q_var = q_sigma2[a] / ((q_n[a] + waiting) or TINY_N) + q_tier_var[a]
        mean, k = c_mean[a], c_prior[a]
        c = mean + c_tier[a] + c_cell[a] + c_beta[a] * (k - mean)
        c_var = c_sigma2[a] / ((c_n[a] + waiting) or TINY_N) + c_tier_var[a]
        reward, sd = 10.0 * q - lam * c, sqrt(100.0 * q_var + lam2 * c_var)
        qualities.append(q)
        costs.append(c)
        rewards.append(reward)
        sds.append(sd)
        scores.append(reward + weight * sd - price * c)
        prior_rewards.append(10.0 * m - lam * k)
    return Belief(qualities, costs, rewards, sds, scores, prior_rewards)
