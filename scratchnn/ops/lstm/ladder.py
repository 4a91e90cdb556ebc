"""The way from plain loops to cpu.py, rung by rung: what is new, what it costs, what to expect.

All rungs have the same two functions and pass the same tests; ``scratchnn bench ladder`` times them.
"""

from collections.abc import Callable
from functools import wraps
from typing import NamedTuple

from scratchnn.jit import alone

from . import cpu, ladder_hoisted, ladder_loops, ladder_vectors, reference


class Rung(NamedTuple):
    """One version of the LSTM; ``forward`` and ``backward`` as in reference, without a mask."""

    name: str
    idea: str
    forward: Callable
    backward: Callable


def _alone(function):
    """Run a function of cpu.py without its threads."""

    @wraps(function)
    def run(*arguments):
        with alone():
            return function(*arguments)

    return run


RUNGS = (
    Rung(
        "loops",
        "Plain Python: every number of every equation in a loop. Costs nothing but time: Python takes about 100 ns "
        "to look at a number and do one multiplication.",
        ladder_loops.forward,
        ladder_loops.backward,
    ),
    Rung(
        "numpy",
        "The reference: one array operation per equation and step, so Python only says what to do and compiled loops "
        "do it. Expect a factor of hundreds; from here on most time goes into matrix products.",
        reference.forward,
        reference.backward,
    ),
    Rung(
        "hoisted",
        "What does not wait for the step before leaves the loop over time: x @ W_x, dW_x, dW_h and dx become one "
        "large product each. Costs an array of all da; they run nearer to the machine's peak than small ones.",
        ladder_hoisted.forward,
        ladder_hoisted.backward,
    ),
    Rung(
        "compiled",
        "Rung 1, compiled by Numba as it stands. SLOWER than NumPy at most sizes: each product walks down a column "
        "of W, far apart in memory, sums one number at a time, and calls a library function for each tanh.",
        ladder_loops.forward_compiled,
        ladder_loops.backward_compiled,
    ),
    Rung(
        "vectors",
        "The same, laid out for vector instructions: innermost loops run over neighbours in memory, tanh is "
        "arithmetic (formula.py), arrays are promised not to overlap. 16 numbers at a time; now memory is the limit.",
        ladder_vectors.forward,
        ladder_vectors.backward,
    ),
    Rung(
        "tiles",
        "cpu.py on one thread: a tile of the result stays in registers while all of K passes by, W is packed so that "
        "it is read front to back. Costs a page of LLVM code (matmul/tile.py); expect the machine's peak, nearly.",
        _alone(cpu.forward),
        _alone(cpu.backward),
    ),
    Rung(
        "threads",
        "cpu.py: the rows of the batch are shared out to the cores, each runs its rows through all T. Nothing to "
        "wait for, so expect nearly as many times the speed as there are cores, if the work is worth waking them.",
        cpu.forward,
        cpu.backward,
    ),
)
