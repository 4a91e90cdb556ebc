"""What layers and training do to arrays between the ops, wherever these are: on the host, or on the device.

Each function takes NumPy arrays and gives NumPy arrays, or takes device arrays and gives device arrays; nothing is
copied from the one to the other on the way. On the host each is the one NumPy expression that it is named after, on
the device a kernel of kernels.py, or two.
"""

from scratchnn.device import on_device, to_device, to_host

from .arithmetic import (
    add,
    add_into,
    clamp_into,
    count_beyond,
    divide,
    divide_into,
    fill_into,
    scale,
    scale_into,
    squares,
    sum_rows,
    weigh,
    weigh_backward,
)
from .moving import columns, copy, join, spread, stack, swap, write_into
from .placing import as_numpy, like, make, put, zeros_like
from .sequences import arrange, clear, pairs, real_steps

__all__ = [
    "add",
    "add_into",
    "arrange",
    "as_numpy",
    "clamp_into",
    "clear",
    "columns",
    "copy",
    "count_beyond",
    "divide",
    "divide_into",
    "fill_into",
    "join",
    "like",
    "make",
    "on_device",
    "pairs",
    "put",
    "real_steps",
    "scale",
    "scale_into",
    "spread",
    "squares",
    "stack",
    "sum_rows",
    "swap",
    "to_device",
    "to_host",
    "weigh",
    "weigh_backward",
    "write_into",
    "zeros_like",
]
