"""Findings on dimensions and groups: what is one, open and closed weights, an order of values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from valuecompass.board.boards import Board
from valuecompass.board.cultures.similarity import AS_IS, Method, Treatment, fit_test, similarity
from valuecompass.board.cultures.specification import SUPPORT
from valuecompass.board.findings.finding import FDR, Control, Finding, Found, address, limits
from valuecompass.board.health.discriminant import THRESHOLD, marks
from valuecompass.stats.comparison import benjamini_hochberg

Array = NDArray[np.float64]
GROUP = 3
"""Respondents without whom a group has no spread worth a test."""
PAN_CULTURAL = (
    *("Benevolence", "Self-direction", "Universalism", "Security", "Conformity"),
    *("Achievement", "Hedonism", "Stimulation", "Tradition", "Power"),
)
"""Order of importance on which samples of some 60 nations largely agree: Schwartz & Bardi (2001),
Journal of Cross-Cultural Psychology 32, 268-290."""
RANKED: tuple[Method, ...] = ("spearman", "kendall")
"""An order has no distances, so there is no product-moment correlation with it."""


def one_dimension(board: Board) -> Found:
    """Return dimensions that cannot be told apart across respondents (`health.discriminant`)."""
    if len(set(board.simulated)) > 1:
        return Found(
            notes=("Simulated and real respondents stand on one board: what its dimensions share "
                   "is not told of a mixture.",)
        )  # fmt: skip
    found = marks(board)
    if found.groups is None:
        return Found(notes=found.sentences[:1])
    place = {"system": board.system.id, "date": board.created.date().isoformat()}
    pairs = len(board.names) * (len(board.names) - 1) // 2
    told = tuple(
        Finding(
            kind="one dimension",
            sentence=(
                f"{' and '.join(group)} cannot be told apart: across {found.n} respondents they "
                f"correlate above {THRESHOLD:g}, error of measurement taken out."
            ),
            respondents=(),
            dimensions=group,
            simulated=any(board.simulated),
            value=None,
            low=THRESHOLD,
            high=None,
            unit="correlation",
            n=found.n,
            counted="respondents",
            q=None,
            page=address("/items", {"tab": "health", **place}),
            api=address(f"/api/v1/health/{board.system.id}", {"date": place["date"]}),
        )
        for group in found.groups
    )
    how = f"lower limit of 95 % above {THRESHOLD:g}, each pair alone"
    return Found(told, (Control("one dimension", pairs, len(told), how),))


def openness(board: Board) -> Found:
    """Return dimensions on which models with open and with closed weights differ on average.

    Each respondent counts once, its score taken as it is (Welch's test): models are the sample, not
    answers. Models of one developer are alike, so the limits are somewhat too narrow.
    """
    real = [not s for s in board.simulated]
    known = [about.get("openness") if about else None for about in board.about]
    groups = {
        name: np.array([r and k == name for r, k in zip(real, known, strict=False)])
        for name in ("open", "closed")
    }
    sizes = {name: int(of.sum()) for name, of in groups.items()}
    if min(sizes.values()) < GROUP:
        return Found(
            notes=(
                f"Open and closed weights need {GROUP} respondents each to be compared; known "
                f"here: {sizes['open']} open, {sizes['closed']} closed.",
            )
        )
    rows: list[tuple[int, float, float, float, float]] = []
    seen: list[dict[str, int]] = []
    for d in range(len(board.names)):
        own = [board.scores[of, d][~np.isnan(board.scores[of, d])] for of in groups.values()]
        if min(len(of) for of in own) >= GROUP and any(np.ptp(of) > 0 for of in own):
            rows.append((d, *_welch(*own)))
            # some may lack a score here
            seen.append({name: len(of) for name, of in zip(groups, own, strict=True)})
    q, sure = benjamini_hochberg([row[-1] for row in rows], FDR)
    told = [
        _open(board, counted, row, float(x))
        for counted, row, x, yes in zip(seen, rows, q, sure, strict=True)
        if yes
    ]
    how = f"Welch's test over models, false discovery rate of 5 % over {len(rows)} dimensions"
    return Found(
        tuple(told), (Control("open and closed", len(rows), len(told), how, simulated=False),)
    )


def _welch(a: Array, b: Array) -> tuple[float, float, float, float]:
    from scipy.special import stdtr, stdtrit

    va, vb = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    gap, error = float(a.mean() - b.mean()), float(np.sqrt(va + vb))
    degrees = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    wide = float(stdtrit(degrees, 0.975)) * error
    return gap, gap - wide, gap + wide, float(2 * stdtr(degrees, -abs(gap) / error))


def _open(
    board: Board, sizes: dict[str, int], row: tuple[int, float, float, float, float], q: float
) -> Finding:
    d, gap, low, high, _ = row
    name = board.names[d]
    more, less = ("open", "closed") if gap > 0 else ("closed", "open")
    size, ends = abs(gap), sorted((abs(low), abs(high)))
    place = {"system": board.system.id, "date": board.created.date().isoformat()}
    return Finding(
        kind="open and closed",
        sentence=(
            f"Models with {more} weights show {name} more than those with {less} ones, on average "
            f"by {limits(size, ends[0], ends[1])} points ({sizes['open']} open, {sizes['closed']} "
            "closed)."
        ),
        respondents=(),
        dimensions=(name,),
        simulated=False,
        value=round(gap, 4),
        low=round(low, 4),
        high=round(high, 4),
        unit="points, open less closed",
        n=sum(sizes.values()),
        counted="respondents",
        q=q,
        page=address("/", {**place, "columns": "all", "sort": f"dim:{name}"}),
        api=address(f"/api/v1/boards/{board.system.id}", {"date": place["date"]}),
    )


def order_of_values(board: Board, seed: int = 0) -> Found:
    """Return respondents whose values stand in the order on which people over the world agree.

    Told of a respondent when its own order is nearer to that one than values in random order are,
    at a false discovery rate of 5 % over respondents, and when this holds under `SUPPORT` of all
    choices: two rank correlations, with all values and with each one left out.
    """
    if board.system.id != "schwartz" or set(board.names) != set(PAN_CULTURAL):
        return Found()
    values, kind = board.profiles()
    if kind == "salience":
        return Found(
            notes=("Orders of values are not told: rates of different values share no scale, and "
                   "not everybody here has trade-offs.",)
        )  # fmt: skip
    target = np.array([[-PAN_CULTURAL.index(name) for name in board.names]], dtype=float)
    rng = np.random.default_rng(seed)
    ways: list[tuple[Method, Treatment]] = [
        (m, t) for m in RANKED for t in (AS_IS, *_without(board))
    ]
    p = np.stack([fit_test(values, target, m, t, rng=rng, permutations=2_000) for m, t in ways])
    tested = ~np.isnan(p[0])
    q, sure = benjamini_hochberg(p[0], FDR)
    support = (p <= FDR).mean(axis=0)
    rho = similarity(values, target)[:, 0]
    told = tuple(
        _ordered(board, r, float(rho[r]), float(support[r]), float(q[r]), len(ways))
        for r in np.flatnonzero(sure & (support >= SUPPORT)).tolist()
    )
    how = (
        f"random orders, false discovery rate of 5 % over {int(tested.sum())} respondents, and "
        f"{SUPPORT:.0%} of {len(ways)} choices"
    )
    return Found(told, (Control("order of values", int(tested.sum()), len(told), how),))


def _without(board: Board) -> list[Treatment]:
    return [Treatment("without", at, name) for at, name in enumerate(board.names)]


def _ordered(board: Board, r: int, rho: float, share: float, q: float, ways: int) -> Finding:
    name = board.respondents[r]
    place = {"system": board.system.id, "date": board.created.date().isoformat()}
    return Finding(
        kind="order of values",
        sentence=(
            f"{name} puts values in an order like that on which people over the world agree "
            f"(rank correlation {rho:.2f}); this holds under {share:.0%} of {ways} choices."
        ),
        respondents=(name,),
        dimensions=(),
        simulated=board.simulated[r],
        value=round(rho, 4),
        low=None,
        high=None,
        unit="rank correlation",
        n=len(board.names),
        counted="values",
        q=q,
        page=address("/cultures", {**place, "respondent": name}),
        api=address(
            f"/api/v1/boards/{board.system.id}/respondent", {"name": name, "date": place["date"]}
        ),
    )
