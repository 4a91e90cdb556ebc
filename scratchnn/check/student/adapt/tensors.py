"""Code that works on PyTorch's tensors, functions as well as ``autograd.Function``."""

import ast
from typing import Any

import numpy as np


def wanted(source: str) -> bool:
    """Whether a source imports PyTorch.

    Parameters
    ----------
    source : str

    Returns
    -------
    bool
    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return "torch" in names


def is_function(cls: Any) -> bool:
    """Whether a class is an ``autograd.Function``.

    Parameters
    ----------
    cls : type or None

    Returns
    -------
    bool
    """
    return cls is not None and any(base.__module__.startswith("torch.autograd") for base in cls.__mro__)


def tensor(array: Any) -> Any:
    """Make a tensor of an array, leave everything else as it is.

    Parameters
    ----------
    array : object

    Returns
    -------
    object

    Raises
    ------
    TypeError
        The array is complex: autograd's conjugates would spoil a complex step.
    """
    import torch

    if not isinstance(array, np.ndarray | np.number):
        return array
    if np.iscomplexobj(array):
        raise TypeError("PyTorch code is judged by differences: complex numbers are not handed to it")
    return torch.tensor(np.asarray(array))


class Applied:
    """One run of an ``autograd.Function``: its outputs and the tensors that went in.

    Parameters
    ----------
    cls : type
    arguments : list
        In the order of its forward.
    """

    def __init__(self, cls: type, arguments: list):
        self.inputs = [tensor(one) for one in arguments]
        for one in self.inputs:
            if hasattr(one, "requires_grad_") and one.is_floating_point():
                one.requires_grad_(True)
        found = cls.apply(*self.inputs)
        self.outputs = found if isinstance(found, tuple) else (found,)

    def grads(self, upstream: dict[int, np.ndarray]) -> list:
        """Run its backward.

        Parameters
        ----------
        upstream : dict of int to array
            Gradient of some outputs; those of the others are zero.

        Returns
        -------
        list of array or None
            One for each argument.
        """
        import torch

        floats = [k for k, one in enumerate(self.inputs) if getattr(one, "requires_grad", False)]
        chosen = [k for k in upstream if self.outputs[k].requires_grad]
        found = torch.autograd.grad(
            [self.outputs[k] for k in chosen],
            [self.inputs[k] for k in floats],
            [tensor(upstream[k]).reshape(self.outputs[k].shape) for k in chosen],
            retain_graph=True,
            allow_unused=True,
        )
        grads = [None] * len(self.inputs)
        for k, grad in zip(floats, found, strict=True):
            grads[k] = None if grad is None else grad.detach().numpy()
        return grads
