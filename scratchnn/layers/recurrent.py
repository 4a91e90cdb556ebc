"""RNN, LSTM and GRU: stacked, in one or both directions, over batches of unequal length; PyTorch's conventions."""

from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import DTypeLike

from scratchnn import arrays, ops, shapes
from scratchnn.notation import GATES, gate_slices

from . import init as initialise
from . import sequences
from .base import Layer, expect_size

DROPOUT_PER = ("step", "sequence")
State = np.ndarray | tuple[np.ndarray, ...]  # (N, B, H); LSTM: the pair (h, c)


class RecurrentCache(NamedTuple):
    """What backward needs, and the results; N = num_layers * directions, rows ordered as PyTorch's."""

    y: np.ndarray  # (T, B, H*directions) or (B, T, H*directions), zero at padding
    state: Any  # final state: (N, B, H); LSTM: the pair (h_n, c_n)
    runs: tuple  # N caches of the op; those of the backward direction hold the reversed sequences
    drops: tuple  # num_layers caches of the dropout before each layer; None where there was none
    lengths: np.ndarray | None  # (B,)
    mask: np.ndarray | None  # (T, B), True is a real step


class Recurrent(Layer):
    """What RNN, LSTM and GRU share; ``room`` names the op, ``kinds`` the states it carries.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    num_layers : int
    bias : bool
        False: no bias anywhere.
    batch_first : bool
        True: inputs and outputs are (B, T, ...). States stay (N, B, H), as in PyTorch.
    dropout : float
        Share of each layer's outputs that is dropped on the way to the next layer, in training.
    dropout_per : {"step", "sequence"}
        Draw a new dropout mask at every step, or one for the whole sequence.
    bidirectional : bool
        A second set of weights reads each sequence from its own last step to its first.
    init : {"pytorch", "orthogonal", "xavier_uniform", "xavier_normal", "normal", "zeros"}
        "pytorch": everything from U(-1/sqrt(H), 1/sqrt(H)), a bias as the sum of PyTorch's two. "orthogonal":
        W_h orthogonal, W_x Xavier uniform. All but "pytorch" start biases at 0. Gate blocks are drawn one by one.
    backend : str or module
        Who computes: "cpu", "reference", "gpu", or anything with the op's ``forward`` and ``backward``; dropout
        between layers follows the name.
    dtype : dtype
        float32 or float64.
    rng : numpy.random.Generator
        Draws the initial weights.

    Notes
    -----
    Parameters are W_x_l0 (D, gates*H), W_h_l0 (H, gates*H), b_l0 (gates*H,), for the GRU also b_hn_l0 (H,); then _l1
    and so on, where D is H*directions; "_reverse" is added for the backward direction.
    """

    room: str = None  # type: ignore[assignment]  # every subclass names its op
    kinds: tuple[str, ...] = ("h",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        dropout_per: str = "step",
        bidirectional: bool = False,
        init: str = "pytorch",
        backend: str | Any = "cpu",
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(dtype=dtype, backend=backend)
        name = type(self).__name__
        for label, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            expect_size(name, label, size)
        if not 0 <= dropout < 1:
            raise ValueError(f"{name}: dropout is {dropout}, expected 0 <= dropout < 1")
        shapes.expect_choice(name, "dropout_per", dropout_per, DROPOUT_PER)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.bidirectional = bool(bias), bool(batch_first), bool(bidirectional)
        self.dropout, self.dropout_per = dropout, dropout_per
        self.directions = 2 if bidirectional else 1
        self.options: dict[str, Any] = {}  # keywords handed on to the op's forward
        self._op = ops.backend(getattr(ops, self.room), backend)
        self._dropout = ops.backend(ops.dropout, backend if isinstance(backend, str) else "reference")
        self._params_type = getattr(ops, self.room).Params
        for layer in range(num_layers):
            for direction in range(self.directions):
                self._draw_weights(layer, direction, init, rng)

    def forward(
        self,
        x: np.ndarray,
        state: State | None = None,
        *,
        lengths: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[np.ndarray, RecurrentCache]:
        """Run all layers and directions over a batch of sequences.

        Parameters
        ----------
        x : (T, B, D), or (B, T, D) with ``batch_first``
        state : (N, B, H), optional
            Initial state, zeros unless given; for the LSTM a pair (h_0, c_0). N = num_layers * directions.
        lengths : (B,) int, optional
            Real steps of each sequence, 1 to T; the rest is padding and never read. All T unless given.
        rng : numpy.random.Generator, optional
            Given: training, dropout is drawn from it. None: evaluation.

        Returns
        -------
        y : (T, B, H*directions), or (B, T, H*directions)
            The top layer's outputs, zero at padding.
        cache : RecurrentCache
            ``cache.state`` is the state after each sequence's last real step (for the backward direction: after
            its first), in the layout of ``state``.

        Raises
        ------
        ValueError
            A shape disagrees, or a length is outside 1..T.
        TypeError
            ``x`` is not floating-point, or ``lengths`` are not integers.
        """
        where = f"{type(self).__name__}.forward"
        order = "B T D" if self.batch_first else "T B D"
        sizes = shapes.sizes_of(where, "x", x, order)
        T, B = sizes["T"], sizes["B"]
        shapes.expect_shape(where, "x", x, order, {"T": T, "B": B, "D": self.input_size})
        x, lengths = self.placed(x), self.placed(sequences.check_lengths(where, lengths, T, B))
        mask = sequences.real_steps(lengths, T)
        dtype = _common_dtype(x, *self.own.values())
        initial = self._states(where, "state", state, B, dtype, x)
        y = self._time_major(x)
        runs: list[Any]
        outputs: list[np.ndarray] = []
        runs, drops, final = [], [], []
        for layer in range(self.num_layers):
            y, drop = self._drop(_joined(outputs), rng) if layer else (y, None)
            drops.append(drop)
            outputs = []
            for direction in range(self.directions):
                row = len(runs)
                source = sequences.reverse(y, lengths) if direction else y
                state_row = [array[row] for array in initial]
                run = self._op.forward(source, *state_row, self._params_of(layer, direction), mask, **self.options)
                h = run.h[1:]
                outputs.append(sequences.reverse(h, lengths) if direction else h)
                final.append(tuple(getattr(run, kind)[T] for kind in self.kinds))
                runs.append(run)
        y = self._laid_out(outputs, lengths, mask)
        return y, RecurrentCache(y, sequences.pack_state(final), tuple(runs), tuple(drops), lengths, mask)

    @overload
    def backward(
        self,
        dy: np.ndarray | None,
        cache: RecurrentCache,
        dstate: State | None = None,
        *,
        with_state: Literal[False] = False,
    ) -> np.ndarray: ...

    @overload
    def backward(
        self,
        dy: np.ndarray | None,
        cache: RecurrentCache,
        dstate: State | None = None,
        *,
        with_state: Literal[True],
    ) -> tuple[np.ndarray, State]: ...

    def backward(
        self,
        dy: np.ndarray | None,
        cache: RecurrentCache,
        dstate: State | None = None,
        *,
        with_state: bool = False,
    ) -> np.ndarray | tuple[np.ndarray, State]:
        """Undo ``forward``; the parameters' gradients are added to ``grads``.

        Parameters
        ----------
        dy : the shape of y, or None
            dLoss/dy; what stands at padding is not read. None: the loss looks at the final state only.
        cache : RecurrentCache
        dstate : the layout of ``cache.state``, optional
            dLoss/d(final state); zeros unless given.
        with_state : bool
            Also return the gradient of the initial state.

        Returns
        -------
        dx : the shape of x
            Zero at padding.
        dstate0 : the layout of ``state``
            Only with ``with_state=True``.

        Raises
        ------
        ValueError
            A shape disagrees.

        Notes
        -----
        forward  was   y = [h, reverse(h')], each zero at padding; h, h' from x, reverse(x)
        so now         dh = dy's first H columns, dh' = reverse(dy's last H), where real; dx = dx + reverse(dx')
        """
        where = f"{type(self).__name__}.backward"
        H, B = self.hidden_size, cache.y.shape[0 if self.batch_first else 1]
        if dy is None:
            dy = arrays.zeros_like(cache.y)
        shapes.expect_float(where, "dy", dy)
        if tuple(dy.shape) != tuple(cache.y.shape):
            raise ValueError(
                f"{where}: dy has shape {tuple(dy.shape)}, expected the shape of y {tuple(cache.y.shape)}"
            )
        dfinal = self._states(where, "dstate", dstate, B, dy.dtype, cache.y)
        dinitial: list[Any] = [None] * len(cache.runs)
        dy = self._time_major(self.placed(dy))
        for layer in reversed(range(self.num_layers)):
            dsources = []
            for direction in range(self.directions):
                row = layer * self.directions + direction
                dlast = [array[row] for array in dfinal]
                dh = arrays.columns(dy, direction * H, (direction + 1) * H)
                dh = _upstream(dh, direction, cache, dlast[0], dstate is not None)
                params = self._params_of(layer, direction)
                g = self._op.backward(dh, *dlast[1:], cache.runs[row], params)
                for field in self._fields():
                    self.add_grad(field + suffix(layer, direction), getattr(g, field))
                dinitial[row] = g
                dsources.append(sequences.reverse(g.x, cache.lengths) if direction else g.x)
            dy = arrays.add(*dsources)
            if cache.drops[layer] is not None:
                dy = self._dropout.backward(dy, cache.drops[layer]).x
        dx = self._time_major(dy)
        if not with_state:
            return dx
        return dx, sequences.pack_state([tuple(getattr(g, f"{kind}0") for kind in self.kinds) for g in dinitial])

    def _draw_weights(self, layer, direction, init, rng):
        """Add the parameters of one layer and direction, in the order of the op's Params."""
        name, gates = type(self).__name__, len(GATES[self.room])
        H = self.hidden_size
        D = self.input_size if layer == 0 else H * self.directions
        bound = 1 / np.sqrt(H)
        end = suffix(layer, direction)
        input_init = "xavier_uniform" if init == "orthogonal" else init
        W_x = initialise.weight(name, input_init, rng, (D, gates * H), bound=bound, blocks=gates)
        W_h = initialise.weight(name, init, rng, (H, gates * H), bound=bound, blocks=gates)
        self.add_param("W_x" + end, W_x)
        self.add_param("W_h" + end, W_h)
        if self.bias:
            for field, bias in self._draw_biases(init, rng, bound, gates * H).items():
                self.add_param(field + end, bias)

    def _draw_biases(self, init, rng, bound, size):
        if init != "pytorch":
            return {"b": np.zeros(size)}
        return {"b": rng.uniform(-bound, bound, size) + rng.uniform(-bound, bound, size)}

    def _fields(self):
        """Names of the op's parameters that this layer owns: without bias, no b and no b_hn."""
        return [field for field in self._params_type._fields if self.bias or not field.startswith("b")]

    def _params_of(self, layer, direction):
        """Give the op's Params of one layer and direction; absent biases are zeros."""
        end, fields = suffix(layer, direction), self._params_type._fields
        if self.bias:
            return self._params_type(*[self.own[field + end] for field in fields])
        W_h = self.own["W_h" + end]
        sizes = {"b": W_h.shape[1], "b_hn": W_h.shape[0]}
        return self._params_type(*[
            arrays.make((sizes[field],), self.dtype, W_h) if field in sizes else self.own[field + end]
            for field in fields
        ])  # fmt: skip

    def _drop(self, y, rng):
        if rng is None or self.dropout == 0:
            return y, None
        initialise.expect_generator(f"{type(self).__name__}.forward", rng)
        drop = self._dropout.forward(y, self.dropout, rng=rng, per=self.dropout_per, time_axis=0)
        return drop.y, drop

    def _states(self, where, name, state, B, dtype, near):
        shape = (self.num_layers * self.directions, B, self.hidden_size)
        return sequences.unpack_state(where, name, state, self.kinds, shape, dtype, near)

    def _laid_out(self, outputs, lengths, mask):
        """Join the directions in the layout that was asked for, zero at padding."""
        if self.on_device:
            y = arrays.join(outputs)
            return arrays.arrange(y, lengths, clear=True, batch_first=self.batch_first, turn=self.batch_first)
        T, B, H = outputs[0].shape
        if mask is None and len(outputs) == 1:
            return np.array(self._time_major(outputs[0]), order="C")
        shape = (B, T) if self.batch_first else (T, B)
        y = np.empty((*shape, H * len(outputs)), np.result_type(*outputs))
        filled = self._time_major(y)
        for direction, h in enumerate(outputs):
            filled[:, :, direction * H : (direction + 1) * H] = h
        filled[_padding(mask)] = 0
        return y

    def _time_major(self, x):
        """Swap the first two axes when batch_first; its own inverse."""
        return arrays.swap(x) if self.batch_first else x


class RNN(Recurrent):
    """Elman network, h_t = tanh or relu of (x_t @ W_x + h_prev @ W_h + b). For the arguments see ``Recurrent``.

    Parameters
    ----------
    input_size, hidden_size, num_layers : int
    nonlinearity : {"tanh", "relu"}
    **options
        All keywords of ``Recurrent``.
    """

    room = "rnn"

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, *, nonlinearity: str = "tanh", **options: Any
    ) -> None:
        shapes.expect_choice("RNN", "nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__(input_size, hidden_size, num_layers, **options)
        self.options = {"nonlinearity": nonlinearity}


class LSTM(Recurrent):
    """Long short-term memory, gates i f g o; states are pairs (h, c). For the arguments see ``Recurrent``.

    Parameters
    ----------
    input_size, hidden_size, num_layers : int
    forget_bias : float, optional
        Start value of the forget gate's bias (1 keeps memory open at the start: Gers et al. 2000, Jozefowicz et
        al. 2015); ``init`` decides unless given.
    **options
        All keywords of ``Recurrent``.
    """

    room = "lstm"
    kinds = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        forget_bias: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, **options)
        if forget_bias is None:
            return
        if not self.bias:
            raise ValueError(f"LSTM: forget_bias is {forget_bias} with bias=False, expected None")
        f = gate_slices(GATES["lstm"], hidden_size)["f"]
        for name, array in self.own.items():
            if name.startswith("b"):
                arrays.fill_into(array[f], forget_bias)


class GRU(Recurrent):
    """Gated recurrent unit, gates r z n, reset after the product (``b_hn`` inside it). See ``Recurrent``."""

    room = "gru"

    def _draw_biases(self, init, rng, bound, size):
        H = self.hidden_size
        if init != "pytorch":
            return {"b": np.zeros(size), "b_hn": np.zeros(H)}
        b, b_h = rng.uniform(-bound, bound, size), rng.uniform(-bound, bound, size)
        b[: 2 * H] += b_h[: 2 * H]
        return {"b": b, "b_hn": b_h[2 * H :]}


def _common_dtype(*given):
    first = given[0].dtype
    same = all([array.dtype is first for array in given])
    return first if same else np.result_type(*[array.dtype for array in given])


def _joined(outputs):
    """Put the directions side by side; one alone stays the view of the op's cache that it is."""
    return arrays.join(outputs)


def _upstream(dh, direction, cache, dlast, last_given):
    """Give the op's upstream: turned round for the backward direction, 0 at padding, with the final state's in it."""
    if arrays.on_device(dh):
        dh = arrays.arrange(dh, cache.lengths, reverse=bool(direction), clear=True)
        if last_given:
            arrays.add_into(dh[dh.shape[0] - 1], dlast)
        return dh
    dh = sequences.reverse(dh, cache.lengths) if direction else dh
    if cache.mask is not None or last_given:
        dh = np.array(dh, np.result_type(dh, dlast))
        dh[_padding(cache.mask)] = 0
        dh[-1] += dlast  # the op holds states over padding: h[-1] is final
    return dh


def _padding(mask):
    """Give the index of what is padding: nothing without a mask."""
    return slice(0) if mask is None else ~mask


def suffix(layer: int, direction: int) -> str:
    """Give the end of a parameter's name: "_l0", "_l1_reverse".

    Parameters
    ----------
    layer, direction : int
    """
    return f"_l{layer}_reverse" if direction else f"_l{layer}"
