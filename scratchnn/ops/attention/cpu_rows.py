"""What kernels call for the rows of a block of scores; cpu_vectors.py has the code behind it.

``codes`` carries the addresses of it, and ``scale`` is an array of one number. Row r stands ``x_row`` behind the one
before, a row of the mask ``mask_row`` (0: one for all), and sees its first ``c + r * c_step`` sources of w.
"""

from functools import cache

import numpy as np

from scratchnn import jit
from scratchnn.jit import scalar
from scratchnn.jit.machine import addresses_of, vector_bytes
from scratchnn.jit.rows import call_rows, place

from . import cpu_vectors

KINDS = "exponentials", "undo", "double", "exponentials_masked", "undo_masked"


def codes(dtype, masked):
    """Give the addresses, with a mask or without: exponentials, undo, double."""
    return _compiled(np.dtype(dtype).itemsize)[[3, 4, 2] if masked else [0, 1, 2]]


@cache
def _compiled(size):
    if jit.PLAIN:
        return np.array([0, 0, 0, 1, 1])  # masked or not
    lanes, names = vector_bytes() // size, [f"softmax_{kind}_{size}" for kind in KINDS]

    def write():
        for masked in (False, True):
            yield cpu_vectors.write_exponentials(names[3 * masked], masked, lanes, size)
            yield cpu_vectors.write_undo(names[3 * masked + 1], masked, lanes, size)
        yield cpu_vectors.write_double(names[2], lanes, size)

    return np.array(addresses_of(f"softmax-{size}", names, write))


if jit.PLAIN:

    def exponentials_into(
        codes, n, w, x, x_at, x_row, c, c_step, scale, mask, mask_at, mask_row, most, sums, fades, first, whole
    ):  # fmt: skip
        """Do what the compiled code does, row by row."""
        for r in range(n):
            row, seen = _row(x, x_at + r * x_row, w), _seen(codes, r, w, c, c_step, mask, mask_at, mask_row)
            scores = np.where(seen, scale[0] * row, -np.inf).astype(row.dtype)
            before = row.dtype.type(-np.inf) if first else most[r]
            new = np.fmax(np.fmax.reduce(scores), before)
            shift = row.dtype.type(0) if new == -np.inf else new
            row[:] = np.where(seen, np.exp(scores - shift), 0)
            fades[r] = 0 if first else np.exp(before - shift)
            most[r], sums[r] = new, row.sum() + (0 if first else fades[r] * sums[r])
            if whole and sums[r] != 0:
                row /= sums[r]

    def undo_softmax_into(
        codes, n, w, p, p_at, p_row, d, d_at, d_row, c, c_step, scale, mask, mask_at, mask_row, log_sums, sums_at,
        means, again, own,
    ):  # fmt: skip
        """Do what the compiled code does, row by row."""
        for r in range(n):
            alpha, row = _row(p, p_at + r * p_row, w), _row(d, d_at + r * d_row, w)
            seen = _seen(codes, r, w, c, c_step, mask, mask_at, mask_row)
            if again:
                alpha[:] = np.where(seen, np.exp(scale[0] * alpha - log_sums[sums_at + r]), 0)
            mean = (alpha * row)[seen].sum() if own else means[r]
            row[:] = np.where(seen, alpha * (row - mean) * scale[0], 0)

    def exp_double_into(codes, n, w, x, x_at, x_row, out, out_at, out_row, largest):
        """Do what the compiled code does, row by row."""
        rows = [_row(x, x_at + r * x_row, w) for r in range(n)]
        with np.errstate(over="ignore"):  # of numbers that the caller will find too large
            for r in range(n):
                _row(out, out_at + r * out_row, w)[:] = np.exp(2 * rows[r])
        largest[0] = np.max(np.abs(rows))

    def _row(array, at, w):
        return array.reshape(-1)[at : at + w]

    def _seen(codes, r, w, c, c_step, mask, mask_at, mask_row):
        seen = np.arange(w) < c + r * c_step
        return seen & _row(mask, mask_at + r * mask_row, w) if codes[0] else seen

else:

    @scalar
    def exponentials_into(
        codes, n, w, x, x_at, x_row, c, c_step, scale, mask, mask_at, mask_row, most, sums, fades, first, whole
    ):  # fmt: skip
        """Turn n rows of w scores into exp(scale x - most), 0 where a row does not see; fill ``most`` and ``sums``.

        If not ``first``, ``most`` and ``sums`` hold what earlier sources gave, and go on; ``fades`` is filled with
        the factors of what was added before. If ``whole``, rows are divided by their sums. Whole vectors are written.
        """
        call_rows(
            codes[0], n, w, place(x, x_at), x_row, c, c_step, place(scale, 0), place(mask, mask_at), mask_row,
            place(most, 0), place(sums, 0), place(fades, 0), first, whole,
        )  # fmt: skip

    @scalar
    def undo_softmax_into(
        codes, n, w, p, p_at, p_row, d, d_at, d_row, c, c_step, scale, mask, mask_at, mask_row, log_sums, sums_at,
        means, again, own,
    ):  # fmt: skip
        """Turn n rows d of w numbers from dalpha into dscores, 0 where a row does not see; p holds alpha.

        If ``again``, p holds scores and is turned into alpha with ``log_sums``. The mean of dalpha, weighted by
        alpha, is read from ``means``, or taken here if ``own``. Whole vectors are written.
        """
        call_rows(
            codes[1], n, w, place(p, p_at), p_row, place(d, d_at), d_row, c, c_step, place(scale, 0),
            place(mask, mask_at), mask_row, place(log_sums, sums_at), place(means, 0), again, own,
        )  # fmt: skip

    @scalar
    def exp_double_into(codes, n, w, x, x_at, x_row, out, out_at, out_row, largest):
        """Fill n rows with exp(2 x), and ``largest[0]`` with the size of the largest x, NaN if there is one."""
        call_rows(codes[2], n, w, place(x, x_at), x_row, place(out, out_at), out_row, place(largest, 0))
