"""Every kernel compiles for two architectures, without a GPU, and keeps what it promises.

Needs numba-cuda and NVIDIA's compiler in wheels: pip install 'scratchnn[gpu-compile]'.
"""

import ast
import functools
import re
import types
from pathlib import Path

import pytest

from scratchnn import device, ops

numba_cuda = pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: pip install 'scratchnn[gpu-compile]'"
)
core = pytest.importorskip("cuda.core", reason="cuda-core is not installed: pip install 'scratchnn[gpu-compile]'")
wheels = pytest.importorskip(
    "nvidia.cu13", reason="NVIDIA's compiler is not installed: pip install 'scratchnn[gpu-compile]'"
)
if device.simulated():
    pytest.skip("the simulator compiles nothing", allow_module_level=True)

import every_kernel  # noqa: E402
from numba.cuda import dispatcher  # noqa: E402

from scratchnn.device.filling import fill_kernel_threads  # noqa: E402

LIBRARIES = Path(wheels.__path__[0])
ARCHITECTURES = ((8, 0), (9, 0))
MOST_SHARED = {(8, 0): 163 * 1024, (9, 0): 227 * 1024}  # bytes a block may ask for
TYPES = {"f": "float32", "i": "int64", "b": "boolean", "u": "int32"}


def signature(words):
    """Give Numba's signature: f2 is a two-dimensional array of float32 whose rows lie one behind the other."""
    kinds = []
    for word in words.split():
        letter, axes = word[0], int(word[1:] or 0)
        kinds.append(TYPES[letter] + (f"[{', '.join([':'] * (axes - 1) + ['::1'])}]" if axes else ""))
    return f"void({', '.join(kinds)})"


@functools.cache
def compiled(function, words, architecture):
    """Give the assembly text, and what the assembler says of registers, spills and shared memory."""
    before = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: types.SimpleNamespace(compute_capability=architecture)
    try:
        ptx, _ = device.cuda.compile_ptx(function, signature(words), cc=architecture)
    finally:
        dispatcher.get_current_device = before
    objects = [core.ObjectCode.from_ptx(ptx.encode())]
    if "cudaCG" in ptx:  # a cooperative launch: blocks wait for each other, with a library of NVIDIA's
        objects.append(core.ObjectCode.from_library(next(LIBRARIES.glob("**/libcudadevrt.a")).read_bytes()))
    options = core.LinkerOptions(arch="sm_{}{}".format(*architecture), ptxas_options=["-v"])
    linker = core.Linker(*objects, options=options)
    linker.link("cubin")
    return ptx, linker.get_info_log()


def report(log):
    found = {
        "registers": re.search(r"Used (\d+) registers", log),
        "stores": re.search(r"(\d+) bytes spill stores", log),
        "loads": re.search(r"(\d+) bytes spill loads", log),
        "stack": re.search(r"(\d+) bytes stack frame", log),
    }
    numbers = {name: int(match[1]) for name, match in found.items()}
    return numbers


def static_shared(ptx):
    """Add up the shared arrays: Numba makes them visible to all, so the assembler counts them to no kernel."""
    return sum(int(size) for size in re.findall(r"^\.visible \.shared .*\[(\d+)\];", ptx, re.M))


def faults(kernel, architecture):
    """List what a kernel promised and does not keep."""
    ptx, log = compiled(kernel.function, kernel.arguments, architecture)
    found, numbers = [], report(log) | {"shared": static_shared(ptx)}
    if numbers["stores"] or numbers["loads"]:
        found.append(f"spills {numbers['stores']} bytes of registers")
    if numbers["stack"]:
        found.append(f"has {numbers['stack']} bytes of arrays in local memory")
    if ".f64" in ptx:
        found.append(f"computes in float64: {ptx.count('.f64')} instructions")
    if numbers["registers"] > kernel.registers:
        found.append(f"uses {numbers['registers']} registers, {kernel.registers} were promised")
    if numbers["shared"] > device.launching.STATIC_SHARED:
        found.append(f"has {numbers['shared']} bytes of static shared memory")
    if numbers["shared"] + kernel.shared > MOST_SHARED[architecture]:
        found.append(f"wants {numbers['shared'] + kernel.shared} bytes of shared memory")
    return found


KERNELS = list(every_kernel.all_kernels())


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: "sm_{}{}".format(*a))
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_a_kernel_keeps_its_promises(kernel, architecture):
    assert not faults(kernel, architecture)


def test_every_kernel_is_judged():
    """Each function under ``@kernel``, wherever it stands, is among those that the rooms' ``kernels()`` give."""
    files = Path(ops.__file__).parents[1].rglob("*.py")
    written = {name for path in files for name in kernels_in(path.read_text(encoding="utf-8"))}
    assert written == {kernel.name for kernel in KERNELS}


def kernels_in(text):
    for node in ast.walk(ast.parse(text)):
        for decorator in getattr(node, "decorator_list", []):
            if getattr(getattr(decorator, "func", None), "id", "") == "kernel":
                yield node.name


CELLS = [k for k in KERNELS if "persistent" in k.function.__code__.co_freevars]


def test_every_cell_has_kernels_for_one_step_and_for_all():
    assert {name for k in CELLS for name in ("lstm", "gru", "rnn") if name in k.function.__module__} == {
        "lstm", "gru", "rnn"
    }  # fmt: skip


@pytest.mark.parametrize("kernel", CELLS, ids=lambda k: k.name)
def test_only_a_kernel_for_all_steps_asks_for_all_blocks_at_once(kernel):
    """One for a single step must not: a grid larger than the device would be refused."""
    ptx, _ = compiled(kernel.function, kernel.arguments, (9, 0))
    persistent = kernel.function.__closure__[kernel.function.__code__.co_freevars.index("persistent")].cell_contents
    assert ("cudaCGSynchronize" in ptx) == persistent


def test_what_is_asked_of_the_driver_has_these_names():
    """More shared memory than 48 KB is asked for by names that only a device would try."""
    binding = pytest.importorskip("cuda.bindings.driver")
    assert hasattr(binding.CUfunction_attribute, "CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES")
    for name in ("MAX_SHARED_MEMORY_PER_BLOCK_OPTIN", "MULTIPROCESSOR_COUNT"):
        assert hasattr(binding.CUdevice_attribute, f"CU_DEVICE_ATTRIBUTE_{name}")
    assert hasattr(binding, "cuKernelSetAttribute")
    made = fill_kernel_threads._jitted
    assert made.typeof_pyval(3) is not None
    assert callable(made.compile)
    assert dispatcher._Kernel.launch


def test_the_checks_notice_broken_promises():
    cuda = device.cuda

    @device.kernel("f1 f", registers=8)
    def half_kernel_in_float64(x, much):
        j = cuda.grid(1)
        x[j] = 0.5 * x[j] + much

    @device.kernel("f1 i", registers=255)
    def local_kernel_array(x, n):
        kept = cuda.local.array(64, x.dtype)
        for j in range(n):
            kept[j * n % 64] += x[j]
        x[0] = kept[n % 64]

    @device.kernel("f1", registers=64, shared=230 * 1024)
    def shared_kernel_greedy(x):
        much = cuda.shared.array(0, x.dtype)
        x[0] = much[0]

    @device.kernel("f1", registers=64, shared=200 * 1024)
    def static_kernel_greedy(x):
        much = cuda.shared.array(8 * 1024, x.dtype)
        much[cuda.threadIdx.x] = x[0]
        cuda.syncthreads()
        x[0] = much[1]

    @device.kernel("f1 i1 b2 u1", registers=32)
    def honest_kernel(x, ids, mask, counter):
        j = cuda.grid(1)
        if j < x.size and mask[0, j]:
            x[j] = x[ids[j]] + x.dtype.type(counter[0])

    planted = half_kernel_in_float64, local_kernel_array, shared_kernel_greedy, static_kernel_greedy, honest_kernel
    said = {k.name: " ".join(faults(k, (9, 0))) for k in planted}
    assert "float64" in said["half_kernel_in_float64"]
    assert "registers" in said["half_kernel_in_float64"]
    assert "local memory" in said["local_kernel_array"]
    assert "bytes of shared memory" in said["shared_kernel_greedy"]
    assert "wants 237568 bytes of shared memory" in said["static_kernel_greedy"]
    assert not said["honest_kernel"]
