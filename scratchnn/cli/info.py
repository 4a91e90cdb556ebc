"""``scratchnn info``: what runs here, and on what."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import tempfile
from pathlib import Path

import click
from rich.text import Text

import scratchnn
from scratchnn import ops

from .common import console, table

PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "matplotlib", "torch", "jax")
WIDTHS = (("avx512f", 512), ("avx2", 256), ("avx", 256), ("neon", 128), ("asimd", 128), ("sse2", 128))


@click.command("info", epilog="\b\nExamples:\n  scratchnn info\n  scratchnn info --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json):
    """Tell versions, processor, threads, where compiled kernels are kept, and which code computes each op."""
    out, facts = console(), gather()
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    listing = table("what", "here")
    for name in facts:
        if name != "ops":
            listing.add_row(name, Text(_told(name, facts)))
    out.print(listing)
    out.print()
    backends = table("op", "computed by")
    for room, which in facts["ops"].items():
        how = "compiled kernels" if which == "cpu" and facts["numba"]["jit"] else "kernels as plain Python"
        backends.add_row(room, f"cpu: {how}" if which == "cpu" else "reference: NumPy")
    out.print(backends)


def gather():
    """Collect the facts.

    Returns
    -------
    dict
        Ready for JSON.
    """
    import threadpoolctl

    from scratchnn import jit
    from scratchnn.bench import warm

    pools = [
        {"library": pool["internal_api"], "version": pool["version"], "threads": pool["num_threads"]}
        for pool in threadpoolctl.threadpool_info()
    ]
    return {
        "scratchnn": scratchnn.__version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "packages": {name: _version(name) for name in PACKAGES},
        "processor": _processor(),
        "vectors": _vectors(),
        "threads": {"cores": _cores(), "kernels": jit.get_num_threads()},
        "blas": pools,
        "numba": _numba(jit),
        "kernels": _kernels(jit.folder()),
        "gpu": _gpu(),
        "ops": warm.rooms(),
    }


def _told(name, facts):
    fact = facts[name]
    if name == "packages":
        return ", ".join(f"{package} {version or 'not installed'}" for package, version in fact.items())
    if name == "vectors":
        return f"{fact['bits']} bits ({fact['set']})" if fact["bits"] else "none known"
    if name == "threads":
        return f"{fact['kernels']} for kernels (SCRATCHNN_NUM_THREADS), {fact['cores']} cores for this process"
    if name == "blas":
        return ", ".join(f"{p['library']} {p['version']}, {p['threads']} threads" for p in fact) or "unknown"
    if name == "numba":
        how = "compiles" if fact["jit"] else "off: NUMBA_DISABLE_JIT is set, kernels run as plain Python"
        return how + (", with NUMBA_BOUNDSCHECK" if fact["boundscheck"] else "") + f", for {fact['target']}"
    if name == "gpu":
        if fact["state"] == "missing":
            return fact["why"].removeprefix("gpu: ")
        return f"{fact['device']}, {fact['target']}; kernels for {', '.join(fact['ops'])} (--backend gpu)"
    if name == "kernels":
        if fact["folder"] is None:
            return "no folder can be written: compiled anew in each process (SCRATCHNN_CACHE_DIR chooses one)"
        state = "writable" if fact["writable"] else "read-only"
        return f"{fact['folder']} ({fact['files']} files, {fact['bytes'] / 1e6:.1f} MB, {state})"
    return fact


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor():
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _vectors():
    from scratchnn.jit.machine import features

    for name, bits in WIDTHS:
        if name in features():
            return {"set": name, "bits": bits}
    return {"set": None, "bits": None}


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _numba(jit):
    import llvmlite.binding as llvm
    import numba

    return {
        "jit": not jit.PLAIN,
        "boundscheck": bool(numba.config.BOUNDSCHECK),
        "target": numba.config.CPU_NAME or llvm.get_host_cpu_name(),
    }


def _kernels(folder):
    if folder is None:
        return {"folder": None, "files": 0, "bytes": 0, "writable": False}
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    try:
        with tempfile.TemporaryFile(dir=folder):
            writable = True
    except OSError:
        writable = False
    return {"folder": str(folder), "files": len(sizes), "bytes": sum(sizes), "writable": writable}


def _gpu():
    from scratchnn import device

    which = device.state()
    found = {"state": which, "device": device.name(), "why": device.why_missing(), "target": device.target()}
    return found | {"ops": [room for room in ops.ROOMS if importlib.util.find_spec(f"scratchnn.ops.{room}.gpu")]}
