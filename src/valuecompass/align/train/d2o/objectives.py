# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false
"""The objectives, on log-ratios: D2O, and what it is compared with.

Shapes: B examples; A anchors of all of them, `index` (A,) says of which example each is. A
log-ratio is log pi(y|x) - log pi_ref(y|x), summed over the tokens of a response, in nats.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def segment_mean(values: Tensor, index: Tensor, size: int) -> Tensor:
    """Return the mean of each segment, (size,); a segment without values is NaN."""
    total = values.new_zeros(size).index_add(0, index, values)
    count = values.new_zeros(size).index_add(0, index, torch.ones_like(values))
    return total / count


def margin(
    anchors: Tensor, rejected: Tensor, index: Tensor, *, alpha: float, beta: float
) -> Tensor:
    """Return z of each example, (B,): the argument of the sigmoid in eq. 3 of the paper.

    The mean is one of log-ratios, not the log of a mean ratio.

    Args:
        anchors: (A,) log-ratios to pi_ref-.
        rejected: (B,) log-ratios to pi_ref+.
        index: (A,) example of each anchor.
        alpha: weight of the rejected response.
        beta: weight of the anchors.
    """
    return beta * segment_mean(anchors, index, len(rejected)) - alpha * rejected


def d2o(anchors: Tensor, rejected: Tensor, index: Tensor, *, alpha: float, beta: float) -> Tensor:
    """Return the loss of each example, (B,): -log sigmoid(z), eq. 3 of arXiv 2403.03419."""
    return -logsigmoid(margin(anchors, rejected, index, alpha=alpha, beta=beta))


def dpo(anchors: Tensor, rejected: Tensor, index: Tensor, *, beta: float) -> Tensor:
    """Return the mean over anchors of the DPO loss with that anchor as the winner, (B,).

    With one anchor it is DPO (arXiv 2305.18290, eq. 7) and D2O at once; with several it is never
    below D2O, as log sigmoid is concave.
    """
    return segment_mean(-logsigmoid(beta * (anchors - rejected[index])), index, len(rejected))


def npo(rejected: Tensor, *, alpha: float) -> Tensor:
    """Return the NPO loss, (B,): -(2/alpha) log sigmoid(-alpha r), eq. 3 of arXiv 2404.05868.

    It is 2/alpha times D2O with beta = 0.
    """
    return -2 / alpha * logsigmoid(-alpha * rejected)


def ga(rejected_logps: Tensor) -> Tensor:
    """Return the loss of gradient ascent, (B,): the log-probability itself; it has no lower end."""
    return rejected_logps
