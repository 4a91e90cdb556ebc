"""What is timed: the cells of the grid, their inputs, and how many operations they cost."""

import math
from typing import NamedTuple

import numpy as np

from scratchnn.errors import InputError

RECURRENT = ("lstm", "gru", "rnn")
ATTENTION = ("attention", "additive")
TOPICS = (*RECURRENT, *ATTENTION, "step", "ladder")  # "matmul" is raced on a device alone
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
SEQUENCES = (
    (10, 100, 10, 20), (28, 128, 28, 128), (50, 32, 64, 128), (100, 16, 32, 64),
    (100, 64, 256, 256), (35, 20, 650, 650), (1, 1, 32, 32), (200, 1, 64, 64),
)  # fmt: skip
LOOKS = ((32, 50, 50, 128), (64, 128, 128, 64), (8, 1024, 1024, 64), (1, 4096, 4096, 64))
ARTICLE = (10, 100, 10, 20)
CLASSES = 2  # of the article's program
LR, BETAS, EPSILON = 1e-3, (0.9, 0.999), 1e-8  # its Adam


class Case(NamedTuple):
    """One cell of the grid."""

    topic: str  # one of TOPICS, or "matmul"
    sizes: tuple[int, ...]  # T, B, D, H; B, Q, S, E for the attentions; M, K, N for a product
    causal: bool = False

    @property
    def op(self) -> str:
        """Name the room of ops that computes it; "step" for the whole training step."""
        return {"additive": "attention", "ladder": "lstm"}.get(self.topic, self.topic)

    @property
    def label(self) -> str:
        """Write the sizes as the command line takes them."""
        return ",".join(map(str, self.sizes)) + (",causal" if self.causal else "")

    @property
    def letters(self) -> str:
        """Name the sizes."""
        return "M,K,N" if self.topic == "matmul" else "B,Q,S,E" if self.topic in ATTENTION else "T,B,D,H"


def grid(topic: str) -> list[Case]:
    """Give the cells of one topic.

    Parameters
    ----------
    topic : str
        One of TOPICS.

    Returns
    -------
    list of Case
    """
    if topic == "attention":
        return [Case(topic, sizes, causal) for sizes in LOOKS for causal in (False, True)]
    if topic == "additive":
        return [Case(topic, sizes) for sizes in ((32, 20, 20, 128), (32, 50, 50, 128))]
    if topic == "step":
        return [Case(topic, ARTICLE)]
    if topic == "ladder":
        return [Case(topic, sizes) for sizes in (ARTICLE, (50, 32, 64, 128))]
    return [Case(topic, sizes) for sizes in SEQUENCES]


def parse(topic: str, text: str) -> Case:
    """Read a cell as a user writes it.

    Parameters
    ----------
    topic : str
    text : str
        Four sizes with commas between; for dot attention "causal" may follow.

    Returns
    -------
    Case

    Raises
    ------
    InputError
        It cannot be read, or a size is below 1.
    """
    parts = [part.strip() for part in text.split(",")]
    causal = topic == "attention" and parts[-1] == "causal"
    case = Case(topic, (), causal)
    try:
        sizes = tuple(int(part) for part in parts[: len(parts) - causal])
    except ValueError:
        sizes = ()
    many = len(case.letters.split(","))
    if len(sizes) != many or min(sizes) < 1:
        number = {3: "three", 4: "four"}[many]
        raise InputError(f"bench: cell {text!r}, expected {number} sizes {case.letters}, each at least 1")
    return Case(topic, sizes, causal)


def flops(case: Case) -> float | None:
    """Count the operations of the matrix products in one forward and backward; None where tanh decides.

    Parameters
    ----------
    case : Case

    Returns
    -------
    float or None
        A multiply-add counts two. Each forward product has two in backward, one per factor.
    """
    if case.topic == "additive":
        return None
    if case.topic == "matmul":
        return 6.0 * math.prod(case.sizes)
    if case.topic == "attention":
        B, Q, S, E = case.sizes
        pairs = sum(min(i + 1, S) for i in range(Q)) if case.causal else Q * S
        return 12.0 * B * pairs * E
    T, B, D, H = case.sizes
    cell = 6.0 * T * B * GATES.get(case.op, 4) * H * (D + H)
    return cell if case.topic != "step" else cell + 12.0 * B * T * H + 6.0 * B * H * CLASSES


def least_bytes(case: Case) -> float:
    """Count the bytes of float32 that every way of computing one forward and backward must move.

    Parameters
    ----------
    case : Case

    Returns
    -------
    float
        Inputs are read forward and backward and their gradients written; outputs are written, their gradients read.
        Adam in the training step reads parameters, gradients and two moments, and writes all but the gradients.
    """
    if case.topic == "matmul":
        M, K, N = case.sizes
        return 4.0 * (3 * (M * K + K * N) + 2 * M * N)
    if case.topic in ATTENTION:
        B, Q, S, E = case.sizes
        params = 2 * E * E + E if case.topic == "additive" else 0
        return 4.0 * (3 * (B * (Q + 2 * S) * E + params) + 2 * B * Q * E)
    T, B, D, H = case.sizes
    params = (D + H + 1) * GATES.get(case.op, 4) * H
    if case.topic == "step":
        return 4.0 * (2 * T * B * D + 9 * (params + (H + 1) * CLASSES))
    states = {"lstm": 2, "ladder": 2}.get(case.topic, 1) * B * H
    return 4.0 * (3 * (T * B * D + states + params + H * (case.op == "gru")) + 2 * (T * B * H + states - B * H))


def roundings(case: Case) -> int:
    """Count the roundings on the longest way from an input to a gradient.

    Parameters
    ----------
    case : Case

    Returns
    -------
    int
        A sum of n products rounds n times; the parameters' gradients sum over all steps and sequences. Twenty more
        for every nonlinear step, forward and backward.
    """
    if case.topic == "matmul":
        return max(case.sizes) + 1
    if case.topic in ATTENTION:
        B, Q, S, E = case.sizes
        return 6 * (E + 20) + 2 * (Q + S) + (B * (Q + S) if case.topic == "additive" else 0)
    T, B, D, H = case.sizes
    through_time = 2 * T * (D + GATES.get(case.op, 4) * H + 20)
    return through_time + T * B + (4 * (H + T + 20) if case.topic == "step" else 0)


def draw(case: Case, seed: int = 0) -> dict[str, np.ndarray]:
    """Draw the inputs of a cell and the gradients that come from outside.

    Parameters
    ----------
    case : Case
    seed : int

    Returns
    -------
    dict of str to array
        float32 (targets int64), names as in the op: weights uniform within 1/sqrt(H), as PyTorch starts them.
    """
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return rng.normal(size=shape).astype(np.float32)

    def weights(width, *shape):
        bound = 1 / math.sqrt(width)
        return rng.uniform(-bound, bound, shape).astype(np.float32)

    if case.topic == "matmul":
        M, K, N = case.sizes
        return {"A": normal(M, K), "B": normal(K, N), "dC": normal(M, N)}
    if case.topic in ATTENTION:
        B, Q, S, E = case.sizes
        drawn = {"q": normal(B, Q, E), "k": normal(B, S, E), "v": normal(B, S, E), "dcontext": normal(B, Q, E)}
        if case.topic == "additive":
            drawn |= {"W_q": weights(E, E, E), "W_k": weights(E, E, E), "v_a": weights(E, E)}
        return drawn
    T, B, D, H = case.sizes
    N = GATES.get(case.op, 4) * H
    drawn = {"x": normal(T, B, D), "W_x": weights(H, D, N), "W_h": weights(H, H, N), "b": weights(H, N)}
    if case.topic == "step":
        drawn |= {"W": weights(H, H, CLASSES), "b_out": weights(H, CLASSES), "targets": rng.integers(CLASSES, size=B)}
        return drawn
    drawn |= {"h0": 0.5 * normal(B, H), "dh": normal(T, B, H)}
    if case.op == "lstm":
        drawn |= {"c0": 0.5 * normal(B, H), "dc_last": normal(B, H)}
    if case.op == "gru":
        drawn["b_hn"] = weights(H, H)
    return drawn
