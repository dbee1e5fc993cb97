"""Coverage and width of intervals for the mean of clustered values, by simulation.

    python benchmarks/coverage.py            # about 6 minutes on one core
    python benchmarks/coverage.py --quick    # about half a minute

Each item (cluster) has 1 to 3 responses; its own rate is Beta distributed around the true mean.
Binary responses are drawn from that rate, graded ones from a Beta distribution around it; in both
cases two responses to one item correlate at about .5. Every method sees the same data.
The numbers are about simulated data only; `design/intervals.md` discusses them.
"""

import argparse
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from valuecompass.stats import beta_interval, cluster_bootstrap_mean

LEVEL = 0.95
MEANS = (0.02, 0.1, 0.5, 0.9, 0.98)
CLUSTERS = (10, 20, 60)

Floats = NDArray[np.float64]
Method = Callable[[Floats, NDArray[np.int64], np.random.Generator], tuple[float, float]]


def draw(
    kind: Literal["binary", "graded"], mean: float, m: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64]]:
    """Values and cluster labels of one data set."""
    clusters = np.repeat(np.arange(m), rng.integers(1, 4, m))
    # Concentrations 1 (binary) and 4, 4 (graded) put the correlation within items at .50 and .56.
    spread = 1.0 if kind == "binary" else 4.0
    rate = rng.beta(mean * spread, (1 - mean) * spread, m)[clusters]
    if kind == "binary":
        return (rng.random(len(rate)) < rate).astype(np.float64), clusters
    tiny = 1e-9
    return rng.beta(4 * rate + tiny, 4 * (1 - rate) + tiny), clusters


def totals(values: Floats, clusters: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Sum and number of responses of each cluster."""
    return np.bincount(clusters, weights=values), np.bincount(clusters).astype(np.float64)


def chosen(
    values: Floats, clusters: NDArray[np.int64], rng: np.random.Generator
) -> tuple[float, float]:
    """What the package uses: Bayesian cluster bootstrap with one prior cluster."""
    interval = cluster_bootstrap_mean(values, clusters, rng, level=LEVEL)
    return interval.low, interval.high


def percentile(
    values: Floats, clusters: NDArray[np.int64], rng: np.random.Generator
) -> tuple[float, float]:
    """The usual cluster bootstrap, percentiles of 1000 draws."""
    sums, counts = totals(values, clusters)
    m = len(sums)
    weights = rng.multinomial(m, np.full(m, 1 / m), size=1000)
    low, high = np.quantile(weights @ sums / (weights @ counts), [0.025, 0.975])
    return float(low), float(high)


def percentile_or_jeffreys(
    values: Floats, clusters: NDArray[np.int64], rng: np.random.Generator
) -> tuple[float, float]:
    """The usual bootstrap, replaced by Jeffreys on m clusters when it has no width."""
    if np.ptp(values) > 0:
        return percentile(values, clusters, rng)
    m = clusters[-1] + 1
    interval = beta_interval(float(values.mean() * m), m, LEVEL)
    return interval.low, interval.high


def design_effect_wilson(
    values: Floats, clusters: NDArray[np.int64], rng: np.random.Generator
) -> tuple[float, float]:
    """Wilson with n = p (1 - p) / cluster-robust variance, and a t quantile."""
    sums, counts = totals(values, clusters)
    m, p = len(sums), values.mean()
    variance = ((sums - p * counts) ** 2).sum() * m / (m - 1) / counts.sum() ** 2
    n = p * (1 - p) / variance if variance > 1e-12 else m
    t = stats.t.ppf(0.975, m - 1)
    centre, scale = (p + t**2 / (2 * n)) / (1 + t**2 / n), t / (1 + t**2 / n)
    half = scale * np.sqrt(p * (1 - p) / n + t**2 / (4 * n**2))
    return max(centre - half, 0), min(centre + half, 1)


def logit_t(
    values: Floats, clusters: NDArray[np.int64], rng: np.random.Generator
) -> tuple[float, float]:
    """Cluster-robust t interval on the logit, after adding the same prior cluster as `chosen`."""
    sums, counts = totals(values, clusters)
    m, size = len(sums), counts.mean()
    sums, counts = np.append(sums, [0, size]), np.append(counts, [size, size])
    weights = np.append(np.ones(m), [0.5, 0.5])
    p = weights @ sums / (weights @ counts)
    variance = weights @ (sums - p * counts) ** 2 / (weights @ counts) ** 2 * (m + 1) / m
    half = stats.t.ppf(0.975, m) * np.sqrt(variance) / (p * (1 - p))
    low, high = special.expit(special.logit(p) + np.array([-half, half]))
    return min(low, values.mean()), max(high, values.mean())


METHODS: dict[str, Method] = {
    "chosen": chosen,
    "percentile": percentile,
    "pct/Jeffreys": percentile_or_jeffreys,
    "deff Wilson": design_effect_wilson,
    "logit t": logit_t,
}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="300 data sets a row, not 4000")
    repeats = 300 if parser.parse_args().quick else 4000
    error = (LEVEL * (1 - LEVEL) / repeats) ** 0.5
    print(f"{repeats} simulated data sets a row; nominal coverage {LEVEL};", end=" ")
    print(f"Monte Carlo standard error of a coverage of {LEVEL}: {error:.4f}")
    print("cells: coverage / mean width\n")
    print("| values | items | mean | " + " | ".join(METHODS) + " |")
    print("|---|--:|--:|" + "--:|" * len(METHODS))
    worst = dict.fromkeys(METHODS, 1.0)
    for row, (kind, m, mean) in enumerate(
        (kind, m, mean) for kind in ("binary", "graded") for m in CLUSTERS for mean in MEANS
    ):
        rng = np.random.default_rng([2024, row])
        limits = np.empty((len(METHODS), repeats, 2))
        for repeat in range(repeats):
            values, clusters = draw(kind, mean, m, rng)
            for k, method in enumerate(METHODS.values()):
                limits[k, repeat] = method(values, clusters, rng)
        cover = ((limits[..., 0] <= mean) & (mean <= limits[..., 1])).mean(axis=1)
        width = np.ptp(limits, axis=2).mean(axis=1)
        cells = " | ".join(f"{c:.3f} / {w:.3f}" for c, w in zip(cover, width, strict=True))
        print(f"| {kind} | {m} | {mean} | {cells} |", flush=True)
        worst = {name: min(worst[name], c) for name, c in zip(METHODS, cover, strict=True)}
    print("| **lowest coverage** | | | " + " | ".join(f"{c:.3f}" for c in worst.values()) + " |")


if __name__ == "__main__":
    main()
