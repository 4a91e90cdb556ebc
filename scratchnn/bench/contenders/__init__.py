"""Who is timed: one module each, with ``setup``, ``versions`` and ``prepare``.

A contender module offers::

    setup(threads)                       before anything is computed
    versions() -> str                    what it is, for the report
    prepare(case, inputs, rung=None) -> (run, results)

``run()`` does one forward and backward and returns when it is done; ``results(what run gave)`` is a dict of NumPy
arrays: outputs under their names, gradients as "grad NAME", in the shapes of the reference. ``prepare`` raises
``NotImplementedError`` with a sentence for a case that it does not have. Each is written as its users would write it.
"""

PEERS = {
    "torch": "scratchnn.bench.contenders.torch_eager",
    "torch-compile": "scratchnn.bench.contenders.torch_compiled",
    "jax": "scratchnn.bench.contenders.jax_jit",
}
OURS = {
    "cpu": "scratchnn.bench.contenders.ours",
    "reference": "scratchnn.bench.contenders.ours_reference",
    "product": "scratchnn.bench.contenders.product",
    "truth": "scratchnn.bench.contenders.truth",
}
ROOM = {**PEERS, **OURS}


def module_of(name: str) -> str:
    """Give the dotted name of a contender's module.

    Parameters
    ----------
    name : str
        A key of PEERS or OURS, or the dotted name of any module with the same functions.

    Returns
    -------
    str
    """
    return ROOM.get(name, name)
