"""Initial weights by name. Every draw is made in float64 from the Generator that is passed in."""

from collections.abc import Callable

import numpy as np

from scratchnn import shapes


def orthogonal(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Draw a matrix with orthonormal rows or columns, uniformly among all of them.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (int, int)

    Returns
    -------
    array
        ``W.T @ W`` (or ``W @ W.T``, when it is wider than tall) is the identity.

    Notes
    -----
    Saxe, McClelland & Ganguli 2014. The Q of a Gaussian matrix's QR factors, each column times the sign of
    its entry on R's diagonal: without that sign the draw is not uniform (Mezzadri 2007).
    """
    rows, columns = shape
    q, r = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return q if rows >= columns else q.T


def xavier_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw from U(-a, a), a = sqrt(6 / (fan_in + fan_out)). Glorot & Bengio 2010, equation (16).

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (int, int) or (int,)
        A vector counts as a matrix with one column.
    """
    bound = np.sqrt(6 / _fans(shape))
    return rng.uniform(-bound, bound, size=shape)


def xavier_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw from N(0, 2 / (fan_in + fan_out)), the variance of ``xavier_uniform``.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (int, int) or (int,)
        A vector counts as a matrix with one column.
    """
    return np.sqrt(2 / _fans(shape)) * rng.normal(size=shape)


def uniform(rng: np.random.Generator, shape: int | tuple[int, ...], bound: float) -> np.ndarray:
    """Draw from U(-bound, bound).

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
    bound : float
    """
    return rng.uniform(-bound, bound, size=shape)


def normal(rng: np.random.Generator, shape: int | tuple[int, ...], deviation: float = 1.0) -> np.ndarray:
    """Draw from N(0, deviation**2).

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
    deviation : float
    """
    return deviation * rng.normal(size=shape)


def zeros(rng: np.random.Generator | None, shape: int | tuple[int, ...]) -> np.ndarray:
    """Give zeros; nothing is drawn.

    Parameters
    ----------
    rng : numpy.random.Generator or None
    shape : tuple of int
    """
    return np.zeros(shape)


DRAWS: dict[str, Callable[..., np.ndarray]] = {
    "orthogonal": orthogonal,
    "xavier_uniform": xavier_uniform,
    "xavier_normal": xavier_normal,
    "zeros": zeros,
}
NAMES = ("pytorch", "normal", *DRAWS)


def weight(
    where: str,
    name: str,
    rng: np.random.Generator | None,
    shape: tuple[int, ...],
    *,
    bound: float | None = None,
    blocks: int = 1,
) -> np.ndarray:
    """Draw a weight by the name of its initialisation.

    Parameters
    ----------
    where : str
        The layer, named in errors.
    name : {"pytorch", "orthogonal", "xavier_uniform", "xavier_normal", "normal", "zeros"}
        "pytorch" is U(-bound, bound); "normal" has deviation ``bound / sqrt(3)``, the same variance.
    rng : numpy.random.Generator
        May be None for "zeros".
    shape : tuple of int
        One or two sizes; a vector named "orthogonal" is drawn Xavier uniform.
    bound : float, optional
        For "pytorch" and "normal"; 1 / sqrt(rows) unless given.
    blocks : int
        How many gates lie side by side in the columns. Each block is drawn as a matrix of its own, so that
        fans and orthogonality are those of one gate.

    Returns
    -------
    array

    Raises
    ------
    ValueError
        Unknown name, or no Generator.
    """
    shapes.expect_choice(where, "init", name, NAMES)
    if name != "zeros":
        expect_generator(where, rng)
    bound = 1 / np.sqrt(shape[0]) if bound is None else bound
    if name in ("pytorch", "normal"):
        return uniform(rng, shape, bound) if name == "pytorch" else normal(rng, shape, bound / np.sqrt(3))  # type: ignore[arg-type]
    draw = DRAWS[name]
    if len(shape) == 1:
        return xavier_uniform(rng, shape) if name == "orthogonal" else draw(rng, shape)  # type: ignore[arg-type]
    rows, columns = shape
    return np.concatenate([draw(rng, (rows, columns // blocks)) for _ in range(blocks)], axis=1)


def expect_generator(where: str, rng: object) -> None:
    """Raise unless ``rng`` is a Generator: nothing is ever drawn from hidden or global state.

    Parameters
    ----------
    where : str
        The layer, named in the error.
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
    """
    if not isinstance(rng, np.random.Generator):
        came = "None" if rng is None else f"a {type(rng).__name__}"
        raise ValueError(f"{where}: rng is {came}, expected a numpy.random.Generator to draw from")


def _fans(shape):
    return shape[0] + (shape[1] if len(shape) > 1 else 1)
