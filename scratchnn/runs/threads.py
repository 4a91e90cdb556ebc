"""How many threads a run may use: NumPy's products and the kernels alike."""

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from .settings import Settings


@contextmanager
def threads_of(settings: Settings) -> Iterator[None]:
    """Keep to the number of threads in the settings for the time of the ``with`` block.

    Parameters
    ----------
    settings : Settings
    """
    with threadpool_limits(settings.threads):
        if settings.backend != "cpu":  # no kernels of the CPU
            yield
            return
        from scratchnn import jit

        before = jit.get_num_threads()
        jit.set_num_threads(settings.threads)
        try:
            yield
        finally:
            jit.set_num_threads(before)
