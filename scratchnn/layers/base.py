"""What every layer has: own arrays, named children, accumulated gradients. Nothing else is remembered."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from scratchnn import arrays

AnyLayer = TypeVar("AnyLayer", bound="Layer")


class Layer:
    """Owner of parameters.

    A layer computes through caches (``y, cache = layer.forward(x)``, ``dx = layer.backward(dy, cache)``) and
    remembers nothing but its parameters and the sum of their gradients since ``zero_grad``. So one layer may be
    used many times in one pass, in any order. Two things follow: a backward uses the parameters as they are when
    it is called (update them after the last backward), and the arrays in ``grads`` go on growing while you hold them.

    Parameters
    ----------
    dtype : dtype
        float32 or float64: what the parameters are stored as.
    backend : str or module
        Of the layer. With "gpu" the parameters and their gradients are device arrays, and so is what the layer takes
        and gives: inputs from the host are copied there first. ``state_dict`` gives NumPy arrays.
    """

    def __init__(self, dtype: DTypeLike = np.float32, backend: str | Any = None) -> None:
        self.on_device = isinstance(backend, str) and backend == "gpu"
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise TypeError(f"{type(self).__name__}: dtype is {self.dtype}, expected float32 or float64")
        self.own: dict[str, np.ndarray] = {}  # name -> parameter
        self.own_grads: dict[str, np.ndarray] = {}  # name -> gradient, the parameter's shape
        self.children: dict[str, Layer] = {}  # name -> Layer

    def add_param(self, name: str, array: ArrayLike) -> None:
        """Take ``array``, cast to the layer's dtype, as the parameter ``name``, with a gradient of zeros.

        Parameters
        ----------
        name : str
        array : array
        """
        self.own[name] = self.placed(np.array(array, dtype=self.dtype))
        self.own_grads[name] = arrays.zeros_like(self.own[name])

    def placed(self, array: Any) -> Any:
        """Give an array where the layer computes: with the backend "gpu" on the device.

        Parameters
        ----------
        array : array or None

        Returns
        -------
        array or None
        """
        return array if array is None or not self.on_device else arrays.to_device(array)

    def add_child(self, name: str, layer: AnyLayer) -> AnyLayer:
        """Take ``layer`` as the child ``name``; its parameters appear as "name.parameter".

        Parameters
        ----------
        name : str
        layer : Layer

        Returns
        -------
        Layer
            The same ``layer``.
        """
        self.children[name] = layer
        return layer

    @property
    def params(self) -> dict[str, np.ndarray]:
        """All parameters, "child.name" -> the array itself (optimisers write into it)."""
        return {name: owner.own[short] for name, owner, short in self._entries()}

    @property
    def grads(self) -> dict[str, np.ndarray]:
        """All gradients summed since ``zero_grad``, keyed and shaped as ``params``; the arrays themselves."""
        return {name: owner.own_grads[short] for name, owner, short in self._entries()}

    def add_grad(self, name: str, value: np.ndarray) -> None:
        """Add ``value`` to the gradient of this layer's own parameter ``name``.

        Parameters
        ----------
        name : str
        value : array, the parameter's shape

        Raises
        ------
        ValueError
            No such parameter, or another shape.
        """
        grad = self.own_grads.get(name)
        if type(value) is type(grad) is np.ndarray and value.dtype == grad.dtype and value.shape == grad.shape:
            grad += value  # the usual case, quickly
            return
        where = f"{type(self).__name__}.add_grad"
        if grad is None:
            raise ValueError(f"{where}: no parameter {name!r}, expected one of {_listed(self.own)}")
        if np.shape(value) != grad.shape:
            raise ValueError(f"{where}: {name} has shape {np.shape(value)}, expected {grad.shape}")
        if arrays.on_device(grad):
            arrays.add_into(grad, value)
        elif np.can_cast(np.asarray(value).dtype, grad.dtype, "same_kind"):
            grad += value
        else:  # a complex gradient of a real parameter: keep the imaginary part
            self.own_grads[name] = grad + value

    def zero_grad(self) -> None:
        """Set every gradient to zero, in place."""
        for _, owner, short in self._entries():
            arrays.fill_into(owner.own_grads[short], 0)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copy all parameters.

        Returns
        -------
        dict of str to NumPy array
        """
        return {name: np.array(arrays.as_numpy(array)) for name, array in self.params.items()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Copy parameters in, cast to the layer's dtype. Nothing is changed unless everything fits.

        Parameters
        ----------
        state : dict of str to array
            Exactly the keys of ``params``.

        Raises
        ------
        ValueError
            A key is missing or unknown, a shape disagrees, or an array is complex.
        """
        where = f"{type(self).__name__}.load_state_dict"
        params = self.params
        missing = [name for name in params if name not in state]
        unknown = [name for name in state if name not in params]
        if missing or unknown:
            parts = [
                f"{word} {_listed(names)}" for word, names in (("missing", missing), ("unknown", unknown)) if names
            ]
            raise ValueError(f"{where}: {', '.join(parts)}; expected {_listed(params)}")
        loaded = {name: np.asarray(arrays.as_numpy(state[name])) for name in params}
        for name, array in loaded.items():
            _expect_same_shape(where, name, array, params[name])
            if array.dtype.kind not in "fiu":
                raise ValueError(f"{where}: {name} has dtype {array.dtype}, expected real numbers")
        for name, owner, short in self._entries():
            if owner.own[short].dtype == owner.dtype:
                arrays.write_into(owner.own[short], loaded[name])
            else:  # set_params had put another dtype here
                owner.add_param(short, loaded[name])

    def set_params(self, params: dict[str, np.ndarray]) -> None:
        """Put arrays in as they are, of any dtype, without a copy; their gradients start at zero.

        This is how the complex step enters a layer. To load weights use ``load_state_dict``.

        Parameters
        ----------
        params : dict of str to array
            Some or all of the keys of ``params``.

        Raises
        ------
        ValueError
            A key is unknown or a shape disagrees.
        """
        where = f"{type(self).__name__}.set_params"
        entries = {name: (owner, short) for name, owner, short in self._entries()}
        for name, array in params.items():
            if name not in entries:
                raise ValueError(f"{where}: unknown {name!r}; expected {_listed(entries)}")
            owner, short = entries[name]
            _expect_same_shape(where, name, array, owner.own[short])
        for name, array in params.items():
            owner, short = entries[name]
            owner.own[short] = array
            owner.own_grads[short] = arrays.zeros_like(array)

    def _entries(self):
        """Yield (full name, owning layer, short name) of every parameter, own ones first."""
        for name in self.own:
            yield name, self, name
        for child_name, child in self.children.items():
            for name, owner, short in child._entries():
                yield f"{child_name}.{name}", owner, short


def expect_size(where: str, name: str, size: object) -> None:
    """Raise ValueError unless ``size`` is a whole number of at least 1.

    Parameters
    ----------
    where, name : str
        Function and argument named in the error.
    size : int
    """
    if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
        raise ValueError(f"{where}: {name} is {size!r}, expected a whole number of at least 1")


def _listed(names):
    return ", ".join(repr(name) for name in names) or "none"


def _expect_same_shape(where, name, array, expected):
    if np.shape(array) != expected.shape:
        raise ValueError(f"{where}: {name} has shape {np.shape(array)}, expected {expected.shape}")
