"""Groups of parameters with settings of their own: no weight decay on biases, a smaller step for an embedding."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

import numpy as np


class Group:
    """Some of an optimiser's parameters, and what is different for them.

    Parameters
    ----------
    members : str, iterable of str, or function
        Names, where ``*`` stands for anything ("embedding.*"); or ``members(name, array)`` is True for those meant.
    weight_decay : float, optional
        In place of the optimiser's; None: the optimiser's.
    lr_scale : float
        Their learning rate is the optimiser's times this, so a schedule moves it too.

    Raises
    ------
    ValueError
        A number is negative or not finite.

    Notes
    -----
    ``AdamW(model.params, lr=1e-3, groups=[no_decay(model.params), Group("embedding.*", lr_scale=0.1)])``
    """

    def __init__(
        self,
        members: str | Iterable[str] | Callable[[str, np.ndarray], bool],
        *,
        weight_decay: float | None = None,
        lr_scale: float = 1.0,
    ) -> None:
        self.members = members if callable(members) else ((members,) if isinstance(members, str) else tuple(members))
        self.weight_decay = None if weight_decay is None else float(weight_decay)
        self.lr_scale = float(lr_scale)
        for name, value in (("weight_decay", self.weight_decay or 0.0), ("lr_scale", self.lr_scale)):
            if not 0 <= value < np.inf:
                raise ValueError(f"Group: {name} is {value}, expected 0 or more, and finite")

    def chosen(self, params: dict[str, np.ndarray]) -> list[str]:
        """Give the names of the parameters that belong to the group.

        Parameters
        ----------
        params : dict of str to array

        Returns
        -------
        list of str

        Raises
        ------
        ValueError
            A name fits no parameter.
        """
        if callable(self.members):
            return [name for name, p in params.items() if self.members(name, p)]
        for pattern in self.members:
            if not any(fnmatchcase(name, pattern) for name in params):
                raise ValueError(f"Group: {pattern!r} fits none of the parameters {', '.join(params)}")
        return [name for name in params if any(fnmatchcase(name, pattern) for pattern in self.members)]


def no_decay(params: dict[str, np.ndarray], also: str | Iterable[str] = ()) -> Group:
    """Make the group of parameters that are left without weight decay: those with one axis.

    Parameters
    ----------
    params : dict of str to array
        E.g. ``model.params``. Arrays with one axis are the biases, and the few vectors such as the ``v_a`` of
        additive attention, as is the custom.
    also : str or iterable of str
        Names of others, where ``*`` stands for anything: "embedding.*".

    Returns
    -------
    Group
        Of ``weight_decay=0``.
    """
    vectors = [name for name, p in params.items() if p.ndim <= 1]
    others = Group(also).chosen(params) if also else []
    return Group(dict.fromkeys([*vectors, *others]), weight_decay=0.0)


def settings_by_name(
    where: str, params: dict[str, np.ndarray], groups: Iterable[Group], weight_decay: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Work out every grouped parameter's own settings.

    Parameters
    ----------
    where : str
        Named in the error.
    params : dict of str to array
    groups : iterable of Group
    weight_decay : float
        Of groups that say nothing.

    Returns
    -------
    lr_scales, weight_decays : dict of str to float
        Of the parameters in a group; the others have none.

    Raises
    ------
    ValueError
        A parameter is in two groups.
    """
    lr_scales: dict[str, float] = {}
    weight_decays: dict[str, float] = {}
    for group in groups:
        for name in group.chosen(params):
            if name in lr_scales:
                raise ValueError(f"{where}: the parameter {name} is in two groups")
            lr_scales[name] = group.lr_scale
            weight_decays[name] = weight_decay if group.weight_decay is None else group.weight_decay
    return lr_scales, weight_decays
