"""The objectives against closed forms and each other."""

from __future__ import annotations

import math
from typing import Any

import pytest

pytestmark = pytest.mark.train


def drawn(seed: int = 0, k: tuple[int, ...] = (3, 1, 5, 2)) -> tuple[Any, Any, Any]:
    import torch

    torch.manual_seed(seed)
    index = torch.tensor([at for at, n in enumerate(k) for _ in range(n)])
    anchors = torch.randn(len(index), dtype=torch.float64) * 8
    rejected = torch.randn(len(k), dtype=torch.float64) * 8
    return anchors.requires_grad_(), rejected.requires_grad_(), index


def test_the_loss_is_the_papers_example_by_example() -> None:
    from valuecompass.align.train.d2o import objectives

    anchors, rejected, index = drawn()
    found = objectives.d2o(anchors, rejected, index, alpha=0.3, beta=0.2).tolist()
    for at, loss in enumerate(found):
        own = [a for a, i in zip(anchors.tolist(), index.tolist(), strict=True) if i == at]
        z = 0.2 / len(own) * sum(own) - 0.3 * rejected.tolist()[at]
        assert loss == pytest.approx(math.log1p(math.exp(-z)), rel=1e-12)


def test_the_gradient_is_equation_4() -> None:
    import torch

    from valuecompass.align.train.d2o import objectives

    anchors, rejected, index = drawn()
    objectives.d2o(anchors, rejected, index, alpha=0.3, beta=0.2).sum().backward()
    z = objectives.margin(anchors, rejected, index, alpha=0.3, beta=0.2)
    w = torch.sigmoid(-z)
    counts = torch.bincount(index)
    torch.testing.assert_close(anchors.grad, -w[index] * 0.2 / counts[index])
    torch.testing.assert_close(rejected.grad, w * 0.3)


def test_it_begins_at_the_logarithm_of_two() -> None:
    import torch

    from valuecompass.align.train.d2o import objectives

    index = torch.tensor([0, 0, 1])
    found = objectives.d2o(torch.zeros(3), torch.zeros(2), index, alpha=0.1, beta=0.1)
    assert found.tolist() == pytest.approx([math.log(2)] * 2)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_never_above_the_mean_of_dpo(seed: int) -> None:
    """The paper's bound: log sigmoid is concave. With one anchor both are DPO."""
    import torch

    from valuecompass.align.train.d2o import objectives

    anchors, rejected, index = drawn(seed)
    ours = objectives.d2o(anchors, rejected, index, alpha=0.1, beta=0.1)
    theirs = objectives.dpo(anchors, rejected, index, beta=0.1)
    assert (ours <= theirs + 1e-12).all()
    several = torch.bincount(index) > 1
    assert (ours[several] < theirs[several]).all()
    torch.testing.assert_close(ours[~several], theirs[~several])


def test_without_anchors_it_is_npo_up_to_its_factor() -> None:
    import torch

    from valuecompass.align.train.d2o import objectives

    anchors, rejected, index = drawn()
    ours = objectives.d2o(anchors, rejected, index, alpha=0.3, beta=0.0)
    torch.testing.assert_close(2 / 0.3 * ours, objectives.npo(rejected, alpha=0.3))


def test_npo_goes_to_gradient_ascent_where_alpha_goes_to_zero() -> None:
    import torch

    from valuecompass.align.train.d2o import objectives

    _, rejected, _ = drawn()
    objectives.npo(rejected, alpha=1e-9).sum().backward()
    one, rejected.grad = rejected.grad, None
    objectives.ga(rejected).sum().backward()
    torch.testing.assert_close(one, rejected.grad)


def test_the_order_of_anchors_and_doubling_them_change_nothing() -> None:
    import torch

    from valuecompass.align.train.d2o import objectives

    anchors, rejected, index = drawn()
    loss = objectives.d2o(anchors, rejected, index, alpha=0.1, beta=0.1)
    order = torch.randperm(len(index))
    mixed = objectives.d2o(anchors[order], rejected, index[order], alpha=0.1, beta=0.1)
    twice = objectives.d2o(
        torch.cat([anchors, anchors]), rejected, torch.cat([index, index]), alpha=0.1, beta=0.1
    )
    torch.testing.assert_close(mixed, loss)
    torch.testing.assert_close(twice, loss)
