"""Statistics on arrays: no input or output, and no knowledge of models or items."""

from valuecompass.stats.agreement import (
    ClusterBootstrap,
    auc,
    cohen_kappa,
    krippendorff_alpha,
)
from valuecompass.stats.intervals import (
    Interval,
    beta_interval,
    cluster_bootstrap_mean,
)
from valuecompass.stats.judge_error import (
    ErrorRates,
    design_effect,
    error_rates,
    partly_pooled,
    rogan_gladen,
)
from valuecompass.stats.keyed import keyed_scale
from valuecompass.stats.opinions import OpinionMethod, aggregate
from valuecompass.stats.tradeoff import TradeoffScale, bradley_terry
from valuecompass.stats.violations import apv, evr, mvp

__all__ = [
    "ClusterBootstrap",
    "ErrorRates",
    "Interval",
    "OpinionMethod",
    "TradeoffScale",
    "aggregate",
    "apv",
    "auc",
    "beta_interval",
    "bradley_terry",
    "cluster_bootstrap_mean",
    "cohen_kappa",
    "design_effect",
    "error_rates",
    "evr",
    "keyed_scale",
    "krippendorff_alpha",
    "mvp",
    "partly_pooled",
    "rogan_gladen",
]
