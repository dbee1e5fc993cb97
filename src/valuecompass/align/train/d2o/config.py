# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false
"""Settings of the trainer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from trl import DPOConfig

Objective = Literal["d2o", "dpo", "npo", "ga"]
OBJECTIVES: tuple[str, ...] = get_args(Objective)
MEANINGLESS = {
    "loss_type": ["sigmoid"],
    "loss_weights": None,
    "f_divergence_type": "reverse_kl",
    "f_alpha_divergence_coef": 0.5,
    "ld_alpha": None,
    "label_smoothing": 0.0,
    "use_weighting": False,
    "discopop_tau": 0.05,
    "padding_free": False,
    "router_aux_loss_coef": None,
    "truncation_mode": "keep_start",
}
"""Fields of DPOConfig that mean nothing here, with their defaults there."""


@dataclass
class D2OConfig(DPOConfig):
    r"""Settings of `D2OTrainer`; those of `trl.DPOConfig` that mean something here keep theirs.

    The loss (eq. 3 of arXiv 2403.03419), with K anchors y_i and the rejected response y_l of x:

    L = -log sigmoid(z),
    z = (beta/K) sum_i log pi(y_i|x)/pi_ref-(y_i|x) - alpha log pi(y_l|x)/pi_ref+(y_l|x)

    Parameters:
        objective (`str`, defaults to `"d2o"`):
            `"d2o"`; or one to compare with: `"dpo"` (the mean of DPO over the anchors, each as the
            winner), `"npo"` and `"ga"` (gradient ascent), which use no anchors.
        alpha (`float`, defaults to `0.1`):
            Weight of the rejected response; the temperature of `"npo"`. `"dpo"` has one weight:
            alpha must equal beta.
        beta (`float`, *optional*):
            Weight of the anchors' mean log-ratio. With 0, D2O is NPO up to a factor. `None`: three
            times alpha, or alpha for `"dpo"`. The paper has alpha = beta = 0.1; then nothing holds
            what anchors and negatives share, such as being sentences at all, and in our toy world
            it decayed (`benchmarks/d2o/results.md`).
        share_prefix (`bool`, *optional*):
            Compute each prompt once for all its responses, through the KV cache. Exact. Gradient
            checkpointing turns the cache off, so both together are refused. `None`: wherever
            gradient checkpointing is off.
        precompute_ref_log_probs (`bool`, defaults to `True`):
            Compute the reference log-probabilities once, before training. Anchors and references
            are frozen, so they never change.
        ref_negative_model (`str`, *optional*):
            Folder or hub id of pi_ref-, the reference of the anchors; the paper wants the one with
            more harmful information. `None`: the model before training, as in its experiments.
        ref_positive_model (`str`, *optional*):
            Folder or hub id of pi_ref+, the reference of the rejected response, with more helpful
            information. `None`: the model before training.
    """

    objective: Objective = field(
        default="d2o",
        metadata={"help": "d2o, or one to compare it with: dpo, npo, ga (gradient ascent)."},
    )
    alpha: float = field(default=0.1, metadata={"help": "Weight of the rejected response."})
    beta: float | None = field(  # pyright: ignore[reportIncompatibleVariableOverride]
        default=None,
        metadata={
            "help": "Weight of the anchors. Default: three times alpha (alpha for dpo); the paper: "
            "alpha = beta = 0.1."
        },
    )
    share_prefix: bool | None = field(
        default=None,
        metadata={
            "help": "Compute each prompt once for all its responses (exact). Default: wherever "
            "gradient checkpointing is off."
        },
    )
    precompute_ref_log_probs: bool = field(
        default=True,
        metadata={"help": "Compute the reference log-probabilities once, before training."},
    )
    ref_negative_model: str | None = field(
        default=None,
        metadata={"help": "Reference of the anchors. Default: the model before training."},
    )
    ref_positive_model: str | None = field(
        default=None,
        metadata={"help": "Reference of the rejected one. Default: the model before training."},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, usual in MEANINGLESS.items():
            if (given := getattr(self, name)) != usual:
                raise ValueError(
                    f"{name}={given!r} means nothing to D2OTrainer: it is an option of DPO's other "
                    f"losses. Leave it out; the loss is chosen by objective='{self.objective}'."
                )
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective={self.objective!r}: give one of {', '.join(OBJECTIVES)}")
        _check_weight("alpha", self.alpha)
        if self.beta is None:
            self.beta = self.alpha if self.objective == "dpo" else 3 * self.alpha
        _check_weight("beta", self.beta)
        if self.objective in ("d2o", "npo") and self.alpha == 0:
            raise ValueError("alpha=0: nothing would be learned from the rejected responses")
        if self.objective == "dpo" and self.alpha != self.beta:
            raise ValueError(
                f"objective='dpo' has one weight: give alpha={self.alpha} and beta={self.beta} the "
                "same value"
            )
        if self.share_prefix is None:
            self.share_prefix = not self.gradient_checkpointing
        elif self.share_prefix and self.gradient_checkpointing:
            raise ValueError(
                "share_prefix=True with gradient_checkpointing=True: checkpointing turns the KV "
                "cache off, and with it the shared prompt. Set one of them to False."
            )
        others = self.ref_negative_model or self.ref_positive_model
        if others and not self.precompute_ref_log_probs:
            raise ValueError(
                "ref_negative_model and ref_positive_model are read once, before training: set "
                "precompute_ref_log_probs=True"
            )

    @property
    def uses_anchors(self) -> bool:
        """Whether the objective has anchors."""
        return self.objective in ("d2o", "dpo")

    @property
    def uses_reference(self) -> bool:
        """Whether the objective has a reference."""
        return self.objective != "ga"


def _check_weight(name: str, given: object) -> None:
    if not (isinstance(given, int | float) and math.isfinite(given) and given >= 0):
        raise ValueError(f"{name}={given!r}: give a number from 0 on")
