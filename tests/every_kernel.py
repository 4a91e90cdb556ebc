"""Launch every kernel of the package once or more, at ragged sizes, in float32: what the sanitizer looks at.

On a device blocks are as large as in earnest, and arrays take several of them.

    compute-sanitizer --tool memcheck python tests/every_kernel.py
    compute-sanitizer --tool racecheck python tests/every_kernel.py

With the name of a tool behind it the program does wrong on purpose: a tool that finds nothing then is no tool.
"""

import importlib.util
import sys

import numpy as np

from scratchnn import arrays, device, ops
from scratchnn.arrays.kernels import kernels as kernels_of_arrays
from scratchnn.bench import limits
from scratchnn.device import cuda, kernel, memory
from scratchnn.device.filling import fill_kernel_threads
from scratchnn.layers import sequences
from scratchnn.ops import attention, cross_entropy, dropout, embedding, gru, linear, lstm, matmul, rnn

FLOAT = np.float32


@kernel("f1 i", registers=16)
def astray_kernel_behind_the_end(x, at):
    """Write where no array is."""
    x[at + cuda.threadIdx.x] = 1


@kernel("f1", registers=16)
def racing_kernel_without_a_barrier(x):
    """Read what another warp writes, in any order."""
    held = cuda.shared.array(64, FLOAT)
    held[cuda.threadIdx.x] = x[cuda.threadIdx.x]
    x[cuda.threadIdx.x] = held[63 - cuda.threadIdx.x]


def many(in_the_simulator: int, on_a_device: int) -> int:
    """Choose a size: more than one block, and no multiple of it."""
    return on_a_device if device.state() == "present" else in_the_simulator


def plant(tool: str) -> None:
    """Do what memcheck, or racecheck, must find."""
    x = device.zeros(64, FLOAT)
    if tool == "memcheck":
        astray_kernel_behind_the_end[1, 64](x, 1 << 28)
    else:
        racing_kernel_without_a_barrier[1, 64](x)
    cuda.synchronize()


def products(rng):
    """Every rung, both ways, and what a product does on the way."""
    M, K, N = many(11, 150), many(7, 21), many(10, 139)
    A, B = matmul.sample(rng, M=M, K=K, N=N, dtype=FLOAT)
    gpu = ops.backend(matmul, "gpu")
    for rung in gpu.RUNGS:
        if rung.simulated or device.state() == "present":
            cache = rung.forward(A, B)
            rung.backward(cache.C, cache)
    a, b, bias = (device.to_device(array) for array in (A, B, B[0]))
    out = device.zeros((M + 1, N), FLOAT)
    gpu.product(a, b, bias=bias, out=out, add=True, ones=True)
    gpu.product(a, b, bias=bias, out=out, add=True, ones=True, parts=3)


def recurrent(rng):
    """RNN, LSTM and GRU on every rung, with padding."""
    B, H = many(3, 67), many(5, 70)
    mask = np.arange(3)[:, None] < np.resize([3, 1, 2], B)
    for op in (rnn, gru, lstm):
        x, *rest = op.sample(rng, T=3, B=B, D=2, H=H, dtype=FLOAT)
        for rung in ops.backend(op, "gpu").RUNGS:
            cache = rung.forward(x, *rest, mask)
            upstream = (cache.h[1:], cache.c[-1]) if op is lstm else (cache.h[1:],)
            rung.backward(*upstream, cache, rest[-1])


def looks(rng):
    """Attention on every rung that has the score."""
    B, Q, S, F = 2, many(3, 70), many(9, 131), many(3, 70)
    mask = rng.random((B, Q, S)) < 0.7
    for score in ("scaled_dot", "additive"):
        q, k, v, params = attention.sample(rng, score=score, B=B, Q=Q, S=S, E_q=5, F=F, A=5, dtype=FLOAT)
        for rung in ops.backend(attention, "gpu").RUNGS[-1 if score == "additive" else 0 :]:
            cache = rung.forward(q, k, v, params, score=score, mask=mask, causal=True)
            rung.backward(cache.context, cache, params, dalpha=cache.alpha)
            assert (cache.hidden is None) == (score != "additive")


def rows(rng):
    """Softmax, loss, rows looked up, dropout, linear maps, activations, in both directions."""
    wide = many(9, 300)
    z, mask = rng.normal(size=(3, wide)).astype(FLOAT), rng.random((3, wide)) < 0.7
    soft = ops.backend(ops.softmax, "gpu")
    soft.backward(z, soft.forward(z, mask))
    soft.log_backward(z, soft.log_forward(z, mask))
    logits, targets = cross_entropy.sample(rng, B=5, C=7, dtype=FLOAT)
    loss = ops.backend(cross_entropy, "gpu")
    loss.backward(loss.forward(logits, targets, label_smoothing=0.1))
    ids, params = embedding.sample(rng, T=4, B=5, V=6, D=7, dtype=FLOAT)
    table = ops.backend(embedding, "gpu")
    cache = table.forward(ids, params, padding_id=1)
    table.backward(cache.y, cache, params)
    x, p = dropout.sample(rng, T=3, B=4, D=5, dtype=FLOAT)
    drop = ops.backend(dropout, "gpu")
    drop.backward(x, drop.forward(x, p, rng=rng))
    x, params = linear.sample(rng, T=3, B=4, D=6, N=7, dtype=FLOAT)
    line = ops.backend(linear, "gpu")
    cache = line.forward(x, params)
    line.backward(cache.y, cache, params)
    bend = ops.backend(ops.activations, "gpu")
    for nonlinearity in bend.SCALARS:
        bend.backward(z[0], bend.forward(z[0], nonlinearity=nonlinearity))


def updates(rng):
    """One step of every optimiser."""
    p, grad = rng.normal(size=(2, 3, 7)).astype(FLOAT)
    gpu = ops.backend(ops.optimizers, "gpu")
    for rule in ("sgd", "adam", "adamw", "adagrad", "rmsprop"):
        getattr(gpu, rule)(p, grad, None, lr=0.1)


def between(rng):
    """What layers do to arrays between the ops."""
    x = device.to_device(rng.normal(size=(3, 4, many(2, 301))).astype(FLOAT))
    share, lengths = arrays.put(rng.normal(size=(3, 4)).astype(FLOAT), x), arrays.put(np.array([2, 1, 3, 3]), x)
    kept = arrays.put(rng.random((3, 4)) < 0.5, x)
    made = [arrays.copy(x), arrays.swap(x), arrays.columns(x, 0, 1), arrays.join([x, x]), arrays.stack([x, x])]
    made += [arrays.add(x, x, x), arrays.scale(x, 0.3), arrays.divide(x, 3.0), arrays.sum_rows(x)]
    made += [arrays.weigh(x, share), arrays.weigh_backward(arrays.weigh(x, share), share)]
    made += [sequences.reverse(x, lengths), sequences.real_steps(lengths, 3), sequences.pairs(kept)]
    sequences.zero_padding(x, kept)
    y = made[0]
    arrays.add_into(y, x)
    arrays.add_into(y, x, 0.7)
    arrays.scale_into(y, 0.5)
    arrays.clamp_into(y, 0.4)
    arrays.count_beyond(y, 0.1)
    arrays.squares({"y": y})
    limits.bench_kernel_barriers[min(3, device.resident()), 2](*device.counters(1), 4)


def all_kernels():
    """Give every kernel of the package, as its room's ``kernels()`` does."""
    yield fill_kernel_threads
    yield from kernels_of_arrays()
    yield from limits.kernels()
    for room in ops.ROOMS:
        if importlib.util.find_spec(f"scratchnn.ops.{room}.gpu"):
            yield from ops.backend(getattr(ops, room), "gpu").kernels()


PARTS = (products, recurrent, looks, rows, updates, between)


def run() -> None:
    """Launch everything."""
    rng = np.random.default_rng(0)
    for part in PARTS:
        part(rng)
        if device.state() == "present":
            cuda.synchronize()


if __name__ == "__main__":
    memory._rounded = lambda size: size  # every array ends where its memory ends
    if len(sys.argv) > 1:
        plant(sys.argv[1])
    else:
        run()
        print("every kernel was launched")
