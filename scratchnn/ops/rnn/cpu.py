"""RNN for the CPU: a whole sequence in one compiled call. See reference.forward and reference.backward.

Optimizations
-------------
- The products: the weights are packed into panels once and used at every step; the inputs' product for many steps
  at a time where the batch alone does not fill the tiles.
- Both products and the nonlinearity work in place, in the row of h where the state will stand.
- One loop runs over many rows of the batch: no remainder at the end of each row that no vector fits.
- da is made for some 128 rows and used up (dx, dW_x, dW_h, db) while it is still in the second-level cache.
- The batch is split over threads; each runs its rows through all T, with nothing to wait for. Then, and where the
  weights fill that cache, da is kept, and dx and dW are large products whose rows and columns are split.
- ``a`` is not kept: a (T, B, H) array less to write. It is computed when somebody asks for it.
"""

import numpy as np

from scratchnn import jit, shapes
from scratchnn.ops.matmul.cpu import product, product_tn, tiles, unpacked

from . import reference
from .cpu_kernels import backward_into, forward_into, pack_backward_into, pack_forward_into
from .reference import NONLINEARITIES, Grads, Params

LONG = 1024  # numbers that one loop goes over, if the batch has as many
ROWS = 128  # rows of x that one product takes, and of da that are made before they are used up
LARGE = 2**20  # bytes of weights that leave no room for them in the second-level cache


class Cache(reference.Cache):
    """As reference.Cache, but ``a``, which backward does not need, is computed when somebody asks for it.

    In its place stand copies of the weights: the packed panels, which were made anyway.
    """

    __slots__ = ()

    @property
    def a(self) -> np.ndarray:  # type: ignore[override]
        """What the nonlinearity took, (T, B, H)."""
        held = tuple.__getitem__(self, 2)
        if isinstance(held, np.ndarray):
            return held
        P, b = held
        h, D = self.h[:-1], self.x.shape[2]
        W = unpacked(P, len(b))
        return product(jit.plain(self.x, h.dtype), W[:D]) + product(h, W[D:]) + b

    def __iter__(self):
        return iter([self.a if k == 2 else tuple.__getitem__(self, k) for k in range(len(self._fields))])

    def __getitem__(self, k):
        return tuple(iter(self))[k]


def forward(
    x: np.ndarray, h0: np.ndarray, params: Params, mask: np.ndarray | None = None, *, nonlinearity: str = "tanh"
) -> Cache:
    """Run an RNN over a batch of sequences. See reference.forward."""
    W_x, W_h, b = params
    fits = _fit(x, h0, params) and isinstance(nonlinearity, str) and nonlinearity in NONLINEARITIES
    dtype = jit.working_dtype(x, h0, *params) if fits else None
    if dtype is None:
        return reference.forward(x, h0, params, mask, nonlinearity=nonlinearity)
    (T, B, D), H = x.shape, h0.shape[1]
    masked = mask is not None
    mask = shapes.recurrent_mask("rnn.forward", mask, T, B)
    x = np.where(mask[:, :, None], x, 0) if masked else np.array(x, order="C")
    used, empty, kind = tiles(dtype), jit.empty_for(T * B * H), NONLINEARITIES.index(nonlinearity)
    W_x, W_h, b = jit.plain(W_x, dtype), jit.plain(W_h, dtype), np.array(b, dtype)
    P = empty((-(-H // used.width), D + H, used.width), dtype)
    few = max(1, min(B, LONG // H))
    bias = np.tile(b, few) if few > 1 else b
    h = empty((T + 1, B, H), dtype)
    h[0] = h0
    rows_of_x, flat_h = jit.plain(x, dtype).reshape(T * B, D), h.reshape(T + 1, B * H)
    flops = 2.0 * T * B * H * (D + H)
    alone = jit.parts(B, flops) == 1
    if not alone:
        pack_forward_into(used.addresses, P, W_x, W_h)

    def work(begin, end):
        together = max(1, ROWS // B) if end - begin == B else 1
        forward_into(
            used.addresses, used.lanes, rows_of_x, mask, masked, W_x, W_h, bias, kind, alone, P, together,
            flat_h, B, begin, end,
        )  # fmt: skip

    jit.split(work, B, flops)
    return Cache(x, mask, (P, b), h, nonlinearity)


def backward(dh: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``. See reference.backward."""
    x, mask, h = cache.x, cache.mask, cache.h
    (T, B, D), H = x.shape, h.shape[2]
    fits = isinstance(dh, np.ndarray) and dh.shape == (T, B, H) and dh.dtype.kind == "f" and _fit(x, h[0], params)
    dtype = jit.working_dtype(dh, h, *params) if fits else None
    if dtype is None:
        return reference.backward(dh, reference.Cache(*cache), params)
    used, empty, kind = tiles(dtype), jit.empty_for(T * B * H), NONLINEARITIES.index(cache.nonlinearity)
    W_x, W_h = jit.plain(params.W_x, dtype), jit.plain(params.W_h, dtype)
    x, h = jit.plain(x, dtype).reshape(T * B, D), jit.plain(h, dtype)
    dh, flat_h = jit.plain(dh, dtype).reshape(T, B * H), h.reshape(T + 1, B * H)
    masked = not mask.all()
    mask = jit.plain(mask, mask.dtype)
    P = empty((-(-H // used.width) - (-D // used.width), H, used.width), dtype)
    flops = 4.0 * T * B * H * (D + H)
    alone = jit.parts(B, flops) == 1
    keep = not alone or W_x.nbytes + W_h.nbytes > LARGE
    if not alone:
        pack_backward_into(used.addresses, P, W_x, W_h)
    steps, few = 0 if keep else min(T, max(1, ROWS // B)), max(1, min(B, LONG // H))
    flat_da = empty(((T if keep else steps) * B * H + used.lanes,), dtype)
    dx, dh0 = empty((0 if keep else T * B, D), dtype), np.zeros((1, B * H), dtype)
    dW_x, dW_h = empty((D, H), dtype), empty((H, H), dtype)

    def work(begin, end):
        db = np.zeros(few * H, dtype)
        backward_into(
            used.addresses, used.lanes, dh, dh0, mask, masked, W_x, W_h, kind, alone, P, x, flat_h,
            flat_da, steps, dx, dW_x, dW_h, db, B, begin, end,
        )  # fmt: skip
        return db

    db = sum(jit.split(work, B, flops))
    if keep:
        da = flat_da[: T * B * H].reshape(T * B, H)
        dx, dW_x = product(da, W_x, transposed=True), product_tn(x, da)
        dW_h = product_tn(h[:-1].reshape(T * B, H), da)
    return Grads(dx.reshape(T, B, D), dh0.reshape(B, H), dW_x, dW_h, db.reshape(few, H).sum(axis=0))


def _fit(x, h0, params):
    """Say whether kernels can take the arrays; if not, the reference has the answer or the sentence."""
    for array in (x, h0, *params):
        if not (isinstance(array, np.ndarray) and array.dtype.kind == "f"):
            return False
    if x.ndim != 3 or h0.ndim != 2 or x.size == 0 or h0.size == 0:
        return False
    (_, B, D), H = x.shape, h0.shape[1]
    return h0.shape == (B, H) and tuple(array.shape for array in params) == ((D, H), (H, H), (H,))
