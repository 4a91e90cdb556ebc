"""Learning-rate schedules: functions of the number of steps taken that give a factor of the base learning rate.

``Plateau`` and ``Warmup``, which are objects, live in plateau.py.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence


def constant() -> Callable[[int], float]:
    """Give the schedule that is 1 everywhere.

    Returns
    -------
    function
        step -> factor.
    """
    return lambda step: 1.0


def step_decay(step_size: int, gamma: float = 0.1) -> Callable[[int], float]:
    """Multiply by ``gamma`` after every ``step_size`` steps.

    Parameters
    ----------
    step_size : int
        Steps (batches, not epochs) between two drops.
    gamma : float

    Returns
    -------
    function
        step -> factor, with step 0 before the first update.

    Raises
    ------
    ValueError
        ``step_size`` below 1 or ``gamma`` below 0.

    Notes
    -----
    factor = gamma ** (step // step_size), as in ``torch.optim.lr_scheduler.StepLR``.
    """
    _expect_whole("step_decay", "step_size", step_size, 1)
    if not gamma >= 0:
        raise ValueError(f"step_decay: gamma is {gamma}, expected 0 or more")
    return lambda step: float(gamma) ** (step // step_size)


def multi_step(milestones: Sequence[int], gamma: float = 0.1) -> Callable[[int], float]:
    """Multiply by ``gamma`` at each of some chosen steps.

    Parameters
    ----------
    milestones : sequence of int
        Steps taken when the drops come, in any order.
    gamma : float

    Returns
    -------
    function
        step -> factor, with step 0 before the first update.

    Raises
    ------
    ValueError
        A milestone below 1 or ``gamma`` below 0.

    Notes
    -----
    As ``torch.optim.lr_scheduler.MultiStepLR``.
    """
    for milestone in milestones:
        _expect_whole("multi_step", "a milestone", milestone, 1)
    if not gamma >= 0:
        raise ValueError(f"multi_step: gamma is {gamma}, expected 0 or more")
    milestones = sorted(milestones)
    return lambda step: float(gamma) ** bisect_right(milestones, step)


def exponential(gamma: float) -> Callable[[int], float]:
    """Multiply by ``gamma`` after every step.

    Parameters
    ----------
    gamma : float
        To reach the factor f after n steps: ``f ** (1 / n)``.

    Returns
    -------
    function
        step -> factor, with step 0 before the first update.

    Raises
    ------
    ValueError
        ``gamma`` not in [0, 1].

    Notes
    -----
    factor = gamma ** step, as in ``torch.optim.lr_scheduler.ExponentialLR``.
    """
    if not 0 <= gamma <= 1:
        raise ValueError(f"exponential: gamma is {gamma}, expected 0 to 1")
    return lambda step: float(gamma) ** step


def linear(total_steps: int, floor: float = 0.0) -> Callable[[int], float]:
    """Fall along a straight line from 1 to ``floor``.

    Parameters
    ----------
    total_steps : int
        From then on the factor is ``floor``.
    floor : float
        0 to 1.

    Returns
    -------
    function
        step -> factor, with step 0 before the first update.

    Raises
    ------
    ValueError
        ``total_steps`` below 1, ``floor`` not in [0, 1].

    Notes
    -----
    factor = 1 + (floor - 1) * min(step / total_steps, 1), as ``torch.optim.lr_scheduler.LinearLR(optimizer, 1,
    floor, total_steps)``.
    """
    _expect_whole("linear", "total_steps", total_steps, 1)
    _expect_share("linear", "floor", floor)
    return lambda step: 1.0 + (floor - 1.0) * min(step / total_steps, 1.0)


def cosine(total_steps: int, warmup_steps: int = 0, floor: float = 0.0) -> Callable[[int], float]:
    """Rise linearly to 1, then fall along half a cosine to ``floor``.

    Parameters
    ----------
    total_steps : int
        All steps, the warm-up included; from then on the factor is ``floor``.
    warmup_steps : int
        Steps before the factor reaches 1. The first of them already has 1 / (warmup_steps + 1), so no step is lost.
    floor : float
        0 to 1.

    Returns
    -------
    function
        step -> factor, with step 0 before the first update.

    Raises
    ------
    ValueError
        ``total_steps`` below 1, ``warmup_steps`` not in [0, total_steps], ``floor`` not in [0, 1].

    Notes
    -----
    warm-up: (step + 1) / (warmup_steps + 1);  then floor + (1 - floor) * (1 + cos(pi * progress)) / 2 with
    progress = (step - warmup_steps) / (total_steps - warmup_steps).
    Source: Loshchilov & Hutter 2017, one cycle. PyTorch: ``LinearLR`` followed by ``CosineAnnealingLR``.
    """
    _expect_whole("cosine", "total_steps", total_steps, 1)
    _expect_whole("cosine", "warmup_steps", warmup_steps, 0)
    if warmup_steps > total_steps:
        raise ValueError(f"cosine: warmup_steps is {warmup_steps}, expected at most total_steps = {total_steps}")
    _expect_share("cosine", "floor", floor)

    def factor(step):
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        if step >= total_steps:
            return float(floor)
        progress = (step - warmup_steps) / (total_steps - warmup_steps)
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))

    return factor


def _expect_whole(where, name, value, least):
    if int(value) != value or value < least:
        raise ValueError(f"{where}: {name} is {value}, expected a whole number of at least {least}")


def _expect_share(where, name, value):
    if not 0 <= value <= 1:
        raise ValueError(f"{where}: {name} is {value}, expected 0 to 1")
