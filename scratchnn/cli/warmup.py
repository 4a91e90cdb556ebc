"""``scratchnn warmup``: compile every kernel now."""

import time

import click

from scratchnn import jit
from scratchnn.bench import warm

from .common import console, quiet_option, table

DTYPES = {"float32": ("float32",), "float64": ("float64",), "both": ("float32", "float64")}


@click.command("warmup", epilog="\b\nExamples:\n  scratchnn warmup\n  scratchnn warmup --dtype both")
@click.option("--dtype", type=click.Choice(list(DTYPES)), default="float32", show_default=True, help="Numbers.")
@quiet_option
def command(dtype, quiet):
    """Compile all kernels, so that no first call has to wait. The second time there is nothing to do.

    Kernels are kept in a folder that ``scratchnn info`` names; without this command each is compiled when it is first
    called.
    """
    out, passing = console(), console(error=True)
    if jit.PLAIN:
        out.print("NUMBA_DISABLE_JIT is set: kernels run as plain Python, there is nothing to compile")
        return
    started, done = time.perf_counter(), []
    with passing.status("compiling"):
        done.extend(warm.warm_up(DTYPES[dtype]))
    if not quiet:
        shown = table("room", "dtype", ">kernels compiled", ">seconds")
        for room in done:
            shown.add_row(room.room, room.dtype, str(room.compiled) if room.compiled else "-", f"{room.seconds:.2f}")
        out.print(shown)
        out.print()
    compiled, seconds = sum(room.compiled for room in done), time.perf_counter() - started
    place = jit.folder()
    where = f"kept in {place}" if place else "no folder can be written: they are gone when this process ends"
    if compiled:
        out.print(f"compiled {compiled} kernels in {seconds:.1f} s; {where}", soft_wrap=True)
    else:
        out.print(f"nothing to compile ({seconds:.1f} s to load everything); {where}", soft_wrap=True)
