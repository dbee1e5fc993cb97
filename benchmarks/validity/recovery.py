"""Gate `recovery`: planted positions from few and from one-sided items."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from benchmarks.validity.figures import Figure, Goal, figure
from benchmarks.validity.world import Bools, Floats, Join, World, rows
from scipy.stats import spearmanr

from valuecompass.stats import ErrorRates
from valuecompass.stats.irt import Noise
from valuecompass.stats.irt_fit import fit_2pl
from valuecompass.stats.win_rate import Team, win_rates

NEVER_WORSE = Goal("at least", 0.0)
BETTER = Goal("above", 0.0)
ALWAYS = Goal("at least", 1.0)
GRID = np.linspace(-4, 4, 801)
PLAIN: tuple[Join, ...] = ("any", "each")
TEAMS: tuple[Team, ...] = ("sum", "mean")
Numbers = dict[str, list[float]]


def recovery(world: World, worlds: int) -> list[Figure]:
    """Agreement with planted positions: plain rate, corrected rate, item response score."""
    found: list[Figure] = []
    spec = world.spec["recovery"]
    orders: dict[str, list[float]] = defaultdict(list)
    for f, (form, mean) in enumerate(spec["forms"].items()):
        for s, items in enumerate(spec["items"]):
            numbers: Numbers = defaultdict(list)
            for k in range(worlds):
                for q, quirk in enumerate(world.quirks):
                    _one(world, world.rng(3, f, s, k, q), items, mean, quirk, numbers, orders)
            found += _figures(numbers, f"{form}, {items} items", form != "balanced" and items == 25)
    largest = {"largest_change_in_1e9": 1e9 * max(orders.pop("change"))}
    for what, same in orders.items():
        beside = largest if "bit" in what else {}
        found.append(figure(f"another order of the items: {what}", same, ALWAYS, **beside))
    return found


def _figures(numbers: Numbers, cell: str, one_sided_few: bool) -> list[Figure]:
    x = {name: np.array(values) for name, values in numbers.items()}
    # both quirks of one world index stand side by side: each is a world of its own
    means = {name: float(np.nanmean(values)) for name, values in x.items()}
    found: list[Figure] = []
    goal = BETTER if one_sided_few else NEVER_WORSE
    for join in PLAIN:
        plain, mended = f"rate {join}", f"corrected {join}"
        beside = {"IRT": means["rho IRT"]}
        beside |= {"plain": means[f"rho {plain}"], "corrected": means[f"rho {mended}"]}
        gain = x["rho IRT"] - x[f"rho {plain}"]
        found.append(figure(f"rho, IRT less plain rate ({join}); {cell}", gain, goal, **beside))
        beside = {"IRT": means["rmse IRT"]}
        beside |= {"plain": means[f"rmse {plain}"], "corrected": means[f"rmse {mended}"]}
        gain = x[f"rmse {plain}"] - x["rmse IRT"]
        found.append(figure(f"RMSE, plain rate ({join}) less IRT; {cell}", gain, goal, **beside))
    for team in TEAMS:
        orders = {"two_orders_of_items_agree": means[f"orders {team}"], "IRT": means["rho IRT"]}
        rho = x[f"rho win {team}"]
        found.append(figure(f"rho, AdAEM's win rate, {team} of a team; {cell}", rho, **orders))
    return found


def _one(
    world: World,
    rng: np.random.Generator,
    items: int,
    mean: float,
    quirk: float,
    numbers: Numbers,
    orders: Numbers,
) -> None:
    """Add one world's figures, and what another order of its items changes."""
    theta = world.positions(rng, world.spec["recovery"]["respondents"])
    judged = world.judged(rng, world.expressed(rng, theta, *world.bank(rng, items, mean), quirk))
    errors = {join: world.errors(rng, quirk, join, mean) for join in PLAIN}
    for join in PLAIN:
        rate = rows(judged, join)[0].mean(axis=1)
        curve = world.rate(GRID, quirk, join, judged=False)
        for name, share in (("rate", rate), ("corrected", corrected(rate, errors[join]))):
            _add(numbers, f"{name} {join}", theta, np.interp(share, curve, GRID), share)
    position = irt(judged, errors["each"])
    _add(numbers, "IRT", theta, position, position)
    for team in TEAMS:
        expressed = judged.any(axis=2).T[:, :, None].astype(np.float64)
        won = win_rates(expressed, rng, team=team)
        score = np.nan_to_num(won.score[:, 0], nan=50.0)  # never told apart from anybody
        numbers[f"rho win {team}"].append(_rho(theta, score))
        numbers[f"orders {team}"].append(float(won.order_rho[0]))
    turned = judged[:, rng.permutation(items)]
    other = irt(turned, errors["each"])
    plain = [(rows(x, "each")[0]).mean(axis=1) for x in (judged, turned)]
    orders["rates the same"].append(float((plain[0] == plain[1]).all()))
    same = position.argsort() == other.argsort()
    orders["ranks by IRT the same"].append(float(same.all()))
    orders["positions by IRT the same to the last bit"].append(float((position == other).all()))
    orders["change"].append(float(np.abs(position - other).max()))


def corrected(rate: Floats, errors: ErrorRates) -> Floats:
    """Return the estimates of `rogan_gladen`."""
    se, sp = errors.sensitivity.value, errors.specificity.value
    return np.clip((rate + sp - 1) / (se + sp - 1), 0, 1)


def irt(judged: Bools, errors: ErrorRates) -> Floats:
    """Return item response scores; of the noise only what labels tell is known, not the quirk."""
    noise = Noise(0.0, errors.sensitivity.value, errors.specificity.value)
    return fit_2pl(judged.mean(axis=2), opinions=judged.shape[2], noise=noise).theta


def _add(numbers: Numbers, name: str, theta: Floats, position: Floats, score: Floats) -> None:
    apart = (position - position.mean()) - (theta - theta.mean())
    numbers[f"rho {name}"].append(_rho(theta, score))
    numbers[f"rmse {name}"].append(float(np.sqrt((apart**2).mean())))


def _rho(theta: Floats, score: Floats) -> float:
    # equal scores of all tell nothing of the order
    return float(spearmanr(theta, score).statistic) if np.ptp(score) else 0.0
