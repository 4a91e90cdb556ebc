"""PyTorch as its users write it, on the GPU; on the CPU where kernels are simulated, to compare results."""

from typing import Any

import numpy as np
import torch

from scratchnn.bench.cases import Case

from . import torch_eager


def setup(threads: int) -> None:
    """Turn TF32 off, in cuDNN too, where it is on by default.

    Parameters
    ----------
    threads : int
        Not used.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def versions() -> str:
    """Name what is timed."""
    if not torch.cuda.is_available():
        return f"PyTorch {torch.__version__} on the CPU, not timed"
    cudnn = torch.backends.cudnn.version()
    return f"PyTorch {torch.__version__}, cuDNN {cudnn}, float32, TF32 off but where it is named"


def place() -> str:
    """Say where tensors are made."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def prepare(case: Case, inputs: dict[str, np.ndarray], rung: str | None = None) -> tuple:
    """Make one forward and backward of PyTorch's, with the gradients of all inputs and parameters.

    Parameters
    ----------
    case : Case
    inputs : dict of str to array
    rung : str, optional
        "tf32": products round their factors.

    Returns
    -------
    run, results : functions
    """
    with torch.device(place()):
        run, results = torch_eager.prepare(case, inputs)
    if rung != "tf32":
        return run, results
    if not torch.cuda.is_available():
        raise NotImplementedError("PyTorch on the CPU has no tf32")

    def rounding():
        torch.backends.cuda.matmul.allow_tf32 = True
        try:
            return run()
        finally:
            torch.backends.cuda.matmul.allow_tf32 = False

    return rounding, results


class Clock:
    """Times what is done on the GPU between two of PyTorch's events."""

    def __init__(self) -> None:
        self.begin, self.end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def seconds(self, run: Any) -> float:
        """Run once and give the seconds between the events before and behind it.

        Parameters
        ----------
        run : function

        Returns
        -------
        float
        """
        self.begin.record()
        run()
        self.end.record()
        self.end.synchronize()
        return self.begin.elapsed_time(self.end) / 1e3
