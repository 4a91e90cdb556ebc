"""Known-wrong backward passes of the embedding."""

from scratchnn.misconceptions import Bug, Edit

REAL = "real = _real(ids, cache.padding_id)"
DY = "dy_real = np.where(real, dy, 0)"
DW = "dW = scatter_add(ids, dy_real, V)"


def _one(old, new):
    return (Edit("backward", old, new),)


BUGS = (
    Bug(
        "embedding-repeated-ids", "dW[ids] += rows keeps one row of an id that repeats", "M4",
        (Edit("scatter_add", "np.add.at(dW, ids, rows)", "dW[ids] += rows"),),
        "An id that occurs three times: how many gradient rows should its row of W have received?", place="sums",
    ),
    Bug(
        "embedding-mean-of-repeats", "the rows of a repeated id are averaged", "M12",
        _one(DW, f"{DW}\ndW = dW / np.maximum(1, np.bincount(ids.ravel(), minlength=V))[:, None]"),
        "One row of W stands at three places of y. Move it a little: do three outputs move, or a third of each?",
        place="sums",
    ),
    Bug(
        "embedding-divided-by-count", "dW is divided by the number of ids", "M12",
        _one(DW, "dW = scatter_add(ids, dy_real, V) / ids.size"),
        "Where in the forward pass stands the division that this one undoes?", place="sums",
    ),
    Bug(
        "embedding-last-step", "only the ids of the last step are counted", "M3",
        _one(DW, "dW = scatter_add(ids[-1:], dy_real[-1:], V)"),
        "At how many steps was W read?", place="time",
    ),
    Bug(
        "embedding-padding-row", "the padding row gets a gradient", "M9", _one(DY, "dy_real = dy"),
        "What would the output at padding be if the padding row were twice as large?", place="sums",
    ),
    Bug(
        "embedding-row-0-always-padding", "row 0 is taken for padding even where nothing is", "M8",
        _one(REAL, "real = _real(ids, cache.padding_id or 0)"),
        "Who said that id 0 is padding: the caller, or a habit?", place="sums",
    ),
    Bug(
        "embedding-ids-off-by-one", "gradients go to the row before, and wrap around at 0", "M8",
        _one(DW, "dW = scatter_add(ids - 1, dy_real, V)"),
        "Which row was read for id 2, and which is written here? And for id 0?", place="sums",
    ),
    Bug(
        "embedding-ids-reordered", "ids and gradient rows are flattened in different orders", "M7",
        _one(DW, "dW = scatter_add(ids.T.reshape(ids.shape), dy_real, V)"),
        "The second id and the second gradient row: do they belong to the same place?", place="shape",
    ),
    Bug(
        "embedding-upstream-overwritten", "padding is zeroed in the caller's array", "M10",
        _one(DY, "np.copyto(dy, 0, where=~real)\ndy_real = dy"),
        "Who else may still want to read dy?", kind="memory", place="memory",
    ),
)  # fmt: skip
