"""GRU for the CPU: a whole sequence in one compiled call. See reference.forward and reference.backward.

Optimizations
-------------
- The products: the weights are packed into panels once and used at every step; the inputs' product for many steps
  at a time where the batch alone does not fill the tiles. From H = 128 up they take 65 to 90 % of the time.
- r, z, m, n lie in arrays of their own, so that one loop runs over many rows of the batch: no remainder at the end of
  each row that no vector fits. All gates together take 5 of 80 ms at (100, 64, 256, 256).
- The reset gate stands behind the product, so m = h W_hn + b_hn is kept apart, and backward needs da_r da_z da_n
  for what came from x and da_r da_z dm for what came from h. In the order n r z m both are neighbours in one array.
- da is made for some 128 rows and used up (dx, dW_x, dW_h, db) while it is still in the second-level cache.
- The batch is split over threads; each runs its rows through all T, with nothing to wait for. Then, and where the
  weights fill that cache, da is kept, and dx and dW are large products whose rows and columns are split.
- ``a`` is not kept: a (T, B, 3H) array less to write. It is computed when somebody asks for it.
"""

import numpy as np

from scratchnn import jit, shapes
from scratchnn.ops.matmul.cpu import product, product_into, product_tn_into, tiles, unpacked

from . import reference
from .cpu_kernels import backward_into, forward_into, pack_backward_into, pack_forward_into
from .reference import Grads, Params

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
        """Blocks a_r a_z, before the gates, and a_n, the input's share of the candidate: (T, B, 3H)."""
        held = tuple.__getitem__(self, 2)
        if isinstance(held, np.ndarray):
            return held
        P, b = held
        h, H, D = self.h[:-1], len(b) // 3, self.x.shape[2]
        x = jit.plain(self.x, h.dtype)
        W_r, W_z, W_n = (unpacked(block, H) for block in np.split(P, 3))
        a = np.concatenate([product(x, W[:D]) for W in (W_r, W_z, W_n)], axis=2) + b
        for k, W in enumerate((W_r, W_z)):
            a[:, :, k * H : (k + 1) * H] += product(h, W[D:])
        return a

    def __iter__(self):
        return iter([self.a if k == 2 else tuple.__getitem__(self, k) for k in range(len(self._fields))])

    def __getitem__(self, k):
        return tuple(iter(self))[k]


def forward(x: np.ndarray, h0: np.ndarray, params: Params, mask: np.ndarray | None = None) -> Cache:
    """Run a GRU over a batch of sequences. See reference.forward."""
    W_x, W_h, b, b_hn = params
    dtype = jit.working_dtype(x, h0, *params) if _fit(x, h0, params) else None
    if dtype is None:
        return reference.forward(x, h0, params, mask)
    (T, B, D), H = x.shape, h0.shape[1]
    masked = mask is not None
    mask = shapes.recurrent_mask("gru.forward", mask, T, B)
    x = np.where(mask[:, :, None], x, 0) if masked else np.array(x, order="C")
    used, empty = tiles(dtype), jit.empty_for(T * B * H)
    W_x, W_h, b = jit.plain(W_x, dtype), jit.plain(W_h, dtype), np.array(b, dtype)
    P = empty((3 * -(-H // used.width), D + H, used.width), dtype)
    few = max(1, min(B, LONG // H))
    blocks = np.concatenate([b[: 2 * H], b_hn, b[2 * H :]], dtype=dtype).reshape(4, H)
    blocks = np.tile(blocks, few) if few > 1 else blocks
    nodes, h = empty((4 * T, B * H), dtype), empty((T + 1, B, H), dtype)
    h[0] = h0
    rows_of_x, flat_h = jit.plain(x, dtype).reshape(T * B, D), h.reshape(T + 1, B * H)
    flops = 6.0 * T * B * H * (D + H)
    alone = jit.parts(B, flops) == 1
    if not alone:
        pack_forward_into(used.addresses, P, W_x, W_h)

    def work(begin, end):
        together = max(1, ROWS // B) if end - begin == B else 1
        forward_into(
            used.addresses, used.lanes, rows_of_x, mask, masked, W_x, W_h, blocks, alone, P, together,
            nodes, flat_h, B, begin, end,
        )  # fmt: skip

    jit.split(work, B, flops)
    r, z, m, n = nodes.reshape(4, T, B, H)
    return Cache(x, mask, (P, b), m, r, z, n, h)


def backward(dh: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``. See reference.backward."""
    x, mask, h = cache.x, cache.mask, cache.h
    (T, B, D), H = x.shape, h.shape[2]
    fits = isinstance(dh, np.ndarray) and dh.shape == (T, B, H) and dh.dtype.kind == "f" and _fit(x, h[0], params)
    dtype = jit.working_dtype(dh, h, *params) if fits else None
    if dtype is None:
        return reference.backward(dh, reference.Cache(*cache), params)
    used, empty = tiles(dtype), jit.empty_for(T * B * H)
    W_x, W_h = jit.plain(params.W_x, dtype), jit.plain(params.W_h, dtype)
    x, h = jit.plain(x, dtype).reshape(T * B, D), jit.plain(h, dtype).reshape(T + 1, B * H)
    dh, r, z, m, n = [jit.plain(array, dtype).reshape(T, B * H) for array in (dh, cache.r, cache.z, cache.m, cache.n)]
    masked = not mask.all()
    mask = jit.plain(mask, mask.dtype)
    P = empty((-(-H // used.width) - (-D // used.width), 3 * H, used.width), dtype)
    flops = 12.0 * T * B * H * (D + H)
    alone = jit.parts(B, flops) == 1
    keep = not alone or W_x.nbytes + W_h.nbytes > LARGE
    if not alone:
        pack_backward_into(used.addresses, P, W_x, W_h)
    steps = 0 if keep else min(T, max(1, ROWS // B))
    room = used.lanes  # a product reads a vector beyond the last row; and rows of a power of two would share few sets
    da = empty(((T if keep else steps) * B, 4 * H + room), dtype)
    dx, dh0 = empty((T * B, D), dtype), np.zeros((1, B * H), dtype)
    dW_x, dW_h = empty((D, 3 * H), dtype), empty((H, 3 * H), dtype)

    def work(begin, end):
        db = np.zeros(4 * H, dtype)
        backward_into(
            used.addresses, used.lanes, dh, dh0, mask, masked, W_x, W_h, alone, P, x, r, z, m, n, h,
            da, steps, dx, dW_x, dW_h, db, B, begin, end,
        )  # fmt: skip
        return db

    db = sum(jit.split(work, B, flops))
    if keep:
        _products_of_all(used, da, P, x, h, dx, dW_x, dW_h)
    db_n, db_rz, db_hn = db[:H], db[H : 3 * H], db[3 * H :]
    return Grads(dx.reshape(T, B, D), dh0.reshape(B, H), dW_x, dW_h, np.concatenate([db_rz, db_n]), db_hn.copy())


def _products_of_all(used, da, P, x, h, dx, dW_x, dW_h):
    """Make dx, dW_x, dW_h of the da of all steps; rows or columns are split over the threads."""
    (K, D), (H, N) = x.shape, dW_h.shape
    row, behind = da.shape[1], P[-(-H // used.width) :]
    of_x, of_h = jit.empty((D, 4 * H), da.dtype), jit.empty((H, 4 * H), da.dtype)  # n r z m

    def inputs(begin, end):
        product_into(
            used.addresses, used.lanes, da, begin * row, row, 1, behind, N * used.width, used.width,
            dx, begin * D, D, end - begin, D, N, False,
        )  # fmt: skip

    def weights(begin, end):
        begin, end = min(begin * used.width, N), min(end * used.width, N)
        product_tn_into(used.addresses, used.lanes, x, D, da, row, begin, end - begin, of_x, K)
        product_tn_into(used.addresses, used.lanes, h, H, da, row, H + begin, end - begin, of_h, K)

    jit.split(inputs, K, 2.0 * K * D * N)
    jit.split(weights, -(-N // used.width), 2.0 * K * (D + H) * N)
    dW_x[:, : 2 * H], dW_x[:, 2 * H :], dW_h[:] = of_x[:, H:N], of_x[:, :H], of_h[:, H:]


def _fit(x, h0, params):
    """Say whether kernels can take the arrays; if not, the reference has the answer or the sentence."""
    for array in (x, h0, *params):
        if not (isinstance(array, np.ndarray) and array.dtype.kind == "f"):
            return False
    if x.ndim != 3 or h0.ndim != 2 or x.size == 0 or h0.size == 0:
        return False
    (_, B, D), H = x.shape, h0.shape[1]
    shapes_of_params = tuple(array.shape for array in params)
    return h0.shape == (B, H) and shapes_of_params == ((D, 3 * H), (H, 3 * H), (3 * H,), (H,))
