"""Known-wrong backward passes of the linear map."""

from scratchnn.misconceptions import Bug, Edit

DX = "dx = dy @ W.T"
DW = "dW = x_rows.T @ dy_rows"
DB = "db = dy_rows.sum(axis=0)"


def _one(old, new):
    return (Edit("backward", old, new),)


BUGS = (
    Bug(
        "linear-db-one-row", "db from the first row", "M5", _one(DB, "db = dy_rows[0]"),
        "b was added to how many rows of x @ W?", place="sums",
    ),
    Bug(
        "linear-db-mean", "db is a mean over the rows", "M12", _one(DB, "db = dy_rows.mean(axis=0)"),
        "Where in the forward pass stands the division that this mean undoes?", place="sums",
    ),
    Bug(
        "linear-db-sum-of-all", "every entry of db is the sum over rows and columns", "M5",
        _one(DB, "db = np.full_like(dy_rows[0], dy_rows.sum())"),
        "Which outputs move when only b[0] moves?", place="sums",
    ),
    Bug(
        "linear-db-last-step", "db from the last step only", "M4",
        _one(DB, "db = dy_rows[-(dy.shape[-2] if dy.ndim > 1 else 1) :].sum(axis=0)"),
        "At how many steps was b used?", place="sums",
    ),
    Bug(
        "linear-dW-last-step", "dW from the last step only", "M4",
        _one(DW, "last = dy.shape[-2] if dy.ndim > 1 else 1\ndW = x_rows[-last:].T @ dy_rows[-last:]"),
        "At how many steps was W used, and what does a parameter's gradient do with its uses?", place="sums",
    ),
    Bug(
        "linear-dW-one-row", "dW is the outer product of the first rows", "M4",
        _one(DW, "dW = x_rows[:1].T @ dy_rows[:1]"),
        "Which rows of the batch does this product read?", place="sums",
    ),
    Bug(
        "linear-dW-mean", "dW is a mean over the rows", "M12", _one(DW, "dW = x_rows.T @ dy_rows / len(x_rows)"),
        "If the loss is a mean, was its division not already in dy?", place="sums",
    ),
    Bug(
        "linear-dW-reshaped", "dW is dy.T @ x, reshaped to fit instead of transposed", "M7",
        _one(DW, "dW = (dy_rows.T @ x_rows).reshape(W.shape)"),
        "W[d, n] joins input d and output n. Which d and n stand at dW[0, 1] here?", place="shape",
    ),
    Bug(
        "linear-dW-rows-shuffled", "rows of x and of dy are flattened in different orders", "M7",
        _one("x_rows = cache.x.reshape(-1, D)", "x_rows = np.moveaxis(cache.x, 0, -2).reshape(-1, D)"),
        "Row 1 of x_rows and row 1 of dy_rows: do they come from the same sequence and step?", place="shape",
    ),
    Bug(
        "linear-dx-reshaped", "W is reshaped instead of transposed in dx", "M7",
        _one(DX, "dx = dy @ W.reshape(W.shape[::-1])"),
        "Which entries of W carried x[0] forward, and which bring its gradient back here?", place="shape",
    ),
    Bug(
        "linear-dx-missing", "dx is zero: nothing is handed on to the layer below", "M1",
        _one(DX, "dx = 0 * cache.x"),
        "Do the outputs change when x moves? Who below is waiting for this?", place="shape",
    ),
    Bug(
        "linear-x-overwritten", "dx is written into the cached x before dW reads it", "M10",
        _one(DX, "dx = np.matmul(dy, W.T, out=cache.x)"),
        "x_rows was made before this line. Is it a copy of x, or x itself?", kind="memory", place="memory",
    ),
)  # fmt: skip
