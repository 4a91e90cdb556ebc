"""Where kernels are kept, threads, and arrays as kernels want them."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import scratchnn
from scratchnn import jit

PACKAGE = Path(scratchnn.__file__).parent
PRODUCT = """
import numpy as np
from scratchnn import jit
from scratchnn.ops.matmul import cpu
A = np.arange(12.0).reshape(3, 4)
assert (cpu.forward(A, A.T.copy()).C == A @ A.T).all()
print(jit.folder())
"""


def run(code, root=PACKAGE.parent, **environment):
    """Run a program in a fresh process over the package under ``root``; give what it printed."""
    settings = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "SCRATCHNN_"))}
    settings |= {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=settings, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# kept kernels


def test_kernels_are_kept_and_found_again(tmp_path):
    counted = PRODUCT + "print(sum(sum(k.stats.cache_hits.values()) for k in (cpu.product_into, cpu.pack_into)))"
    first, hits = run(counted, SCRATCHNN_CACHE_DIR=str(tmp_path)).split()
    assert hits == "0"
    assert Path(first).parent == tmp_path
    kept = sorted(p.relative_to(first) for p in Path(first).rglob("*") if p.is_file())
    assert {p.suffix for p in kept} >= {".nbi", ".nbc", ".o"}
    assert run(counted, SCRATCHNN_CACHE_DIR=str(tmp_path)).split() == [first, "2"]


def test_a_changed_source_gives_another_folder(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "scratchnn", ignore=shutil.ignore_patterns("__pycache__", "files"))
    digest = "from scratchnn import jit; print(jit.digest())"
    before = run(digest, tmp_path)
    assert run(digest, tmp_path) == before
    seen = {before}
    for source in ("ops/lstm/cpu_kernels.py", "ops/activations/formula.py", "ops/matmul/tile.py", "jit/compiling.py"):
        path = tmp_path / "scratchnn" / source
        path.write_text(path.read_text(encoding="utf-8") + "# another line\n", encoding="utf-8")
        seen.add(run(digest, tmp_path))
    assert len(seen) == 5
    reference = tmp_path / "scratchnn/ops/lstm/reference.py"
    after = run(digest, tmp_path)
    reference.write_text(reference.read_text(encoding="utf-8") + "# no kernel\n", encoding="utf-8")
    assert run(digest, tmp_path) == after


def test_weathers_do_not_share_a_folder():
    digest = "from scratchnn import jit; print(jit.digest())"
    skies = [{}, {"NUMBA_BOUNDSCHECK": "1"}, {"NUMBA_OPT": "1"}, {"NUMBA_LOOP_VECTORIZE": "0"}]
    assert len({run(digest, **sky) for sky in skies}) == len(skies)


def test_strict_weather_finds_an_index_out_of_range(tmp_path):
    """The suite of the cpu kernels runs under it in .ci/run; there an index out of range must not pass unseen."""
    code = """
import sys; sys.path.insert(0, {place!r})
import numpy as np, beyond
try:
    print(beyond.last(np.zeros((2, 3)), 3))
except IndexError as error:
    print(type(error).__name__)
"""
    (tmp_path / "beyond.py").write_text(
        "from scratchnn import jit\n@jit.kernel\ndef last(x, k):\n    return x[1, k]\n", encoding="utf-8"
    )
    found = run(code.format(place=str(tmp_path)), NUMBA_BOUNDSCHECK="1", SCRATCHNN_CACHE_DIR=str(tmp_path / "kept"))
    assert found == "IndexError"


def test_the_users_own_kernels_are_kept_where_numba_keeps_them(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import numba\nfrom scratchnn.ops.matmul import cpu\n"
        "@numba.njit(cache=True)\ndef double(x):\n    return 2 * x\ndouble(1.0)\n",
        encoding="utf-8",
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import mine"
    run(code, SCRATCHNN_CACHE_DIR=str(tmp_path / "kept"))
    assert list((tmp_path / "__pycache__").glob("mine.double*.nbi"))


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs the permissions of a Unix system")
def test_a_home_that_cannot_be_written_is_no_obstacle(tmp_path):
    """A file stands where the folder should be: no one can write there, not even root."""
    home, fallback = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    fallback.mkdir()
    (home / ".cache").write_text("no folder")
    found = run(PRODUCT, HOME=str(home), XDG_CACHE_HOME="", TMPDIR=str(fallback))
    assert Path(found).parent.parent == fallback
    assert run(PRODUCT, SCRATCHNN_CACHE_DIR=str(home / ".cache" / "deeper")) == "None"


def test_a_read_only_install_works(tmp_path):
    root = tmp_path / "site"
    shutil.copytree(PACKAGE, root / "scratchnn", ignore=shutil.ignore_patterns("__pycache__", "files"))
    for path in [*root.rglob("*"), root]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        before = sorted(root.rglob("*"))
        assert Path(run(PRODUCT, root, SCRATCHNN_CACHE_DIR=str(tmp_path / "kept"))).parent == tmp_path / "kept"
        assert sorted(root.rglob("*")) == before
    finally:
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_folders_that_nobody_opens_any_more_are_removed(tmp_path):
    old, young, other = tmp_path / ("0" * 16), tmp_path / ("1" * 16), tmp_path / "my own things"
    for path in (old, young, other):
        path.mkdir()
        (path / "kernel.nbc").write_bytes(b"x")
    long_ago = time.time() - 29 * 24 * 3600
    for path in (old, other):
        os.utime(path, (long_ago, long_ago))
    run("from scratchnn import jit; jit.folder()", SCRATCHNN_CACHE_DIR=str(tmp_path))
    assert (old.exists(), young.exists(), other.exists()) == (False, True, True)


def test_broken_code_on_the_disk_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(jit.disk, "folder", lambda: tmp_path)
    assert jit.kept("piece.o", lambda: b"code") == b"code"
    assert jit.kept("piece.o", lambda: b"other") == b"code"
    (tmp_path / "piece.o").write_bytes((tmp_path / "piece.o").read_bytes()[:-1])
    assert jit.kept("piece.o", lambda: b"other") == b"other"


def test_two_threads_may_compile_at_once(tmp_path):
    code = """
import threading
import numpy as np
from scratchnn.ops.matmul import cpu
A = np.ones((3, 4))
found = []
def work(): found.append(cpu.forward(A, A.T.copy()).C)
threads = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
assert len(found) == 4 and all((C == 4).all() for C in found)
"""
    run(code, SCRATCHNN_CACHE_DIR=str(tmp_path))


# threads


@pytest.fixture
def threads():
    before = jit.get_num_threads()
    yield
    jit.set_num_threads(before)


def test_the_number_of_threads_is_the_packages(threads):
    scratchnn.set_num_threads(3)
    assert scratchnn.get_num_threads() == jit.get_num_threads() == 3


@pytest.mark.parametrize("count", [0, -1, 1.5, "two", None])
def test_a_wrong_number_of_threads_has_its_sentence(count):
    with pytest.raises(ValueError, match=r"^set_num_threads: count is .*, expected a whole number of at least 1$"):
        jit.set_num_threads(count)


@pytest.mark.parametrize("given", ["two", "0", "-1", "1.5"])
def test_a_wrong_environment_has_its_sentence(given, monkeypatch):
    monkeypatch.setenv("SCRATCHNN_NUM_THREADS", given)
    monkeypatch.setattr(jit.threads._Threads, "count", None)
    with pytest.raises(
        ValueError, match=rf"^SCRATCHNN_NUM_THREADS is '{given}', expected a whole number of at least 1$"
    ):
        jit.get_num_threads()


def test_the_environment_chooses():
    assert run("import scratchnn; print(scratchnn.get_num_threads())", SCRATCHNN_NUM_THREADS=" 7 ") == "7"


def test_split_covers_all_rows_once_and_keeps_their_order(threads):
    jit.set_num_threads(3)
    for rows in (1, 2, 3, 10):
        bounds = jit.split(lambda begin, end: (begin, end), rows, 1e12)
        assert [k for begin, end in bounds for k in range(begin, end)] == list(range(rows))
        assert len(bounds) == min(3, rows)
    assert jit.split(lambda begin, end: (begin, end), 10, 1.0) == [(0, 10)], "too little work was split"


def test_split_within_split_and_alone_stay_on_their_thread(threads):
    jit.set_num_threads(2)
    inner = jit.split(lambda begin, end: jit.split(lambda b, e: threading.get_ident(), 4, 1e12), 2, 1e12)
    assert len(inner[1]) == 1, "a thread of the pool waited for its own pool"
    with jit.alone():
        assert jit.parts(100, 1e12) == 1
    assert jit.parts(100, 1e12) == 2


def test_split_waits_for_all_before_it_raises(threads):
    jit.set_num_threads(2)
    done = []

    def work(begin, end):
        if begin == 0:
            raise KeyError("first")
        time.sleep(0.05)
        done.append(begin)

    with pytest.raises(KeyError, match="first"):
        jit.split(work, 2, 1e12)
    assert done == [1]


def test_many_callers_may_split_while_another_changes_the_number(threads):
    errors = []

    def caller():
        try:
            for _ in range(50):
                assert sum(jit.split(lambda begin, end: end - begin, 8, 1e12)) == 8
        except BaseException as error:
            errors.append(error)

    callers = [threading.Thread(target=caller) for _ in range(4)]
    for thread in callers:
        thread.start()
    for k in range(50):
        jit.set_num_threads(1 + k % 3)
    for thread in callers:
        thread.join()
    assert not errors


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_splits_too():
    code = """
import os
import numpy as np
from scratchnn import jit
from scratchnn.ops.matmul import cpu
jit.set_num_threads(2)
A = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
expected = cpu.product(A, A)
for generation in range(2):
    child = os.fork()
    if child == 0:
        ok = np.array_equal(cpu.product(A, A), expected) and jit.parts(300, 1e12) == 2
        if generation == 1:
            os._exit(0 if ok else 1)
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0 if np.array_equal(cpu.product(A, A), expected) else 1)
        os._exit(0 if ok and os.waitpid(grandchild, 0)[1] == 0 else 1)
    assert os.waitpid(child, 0)[1] == 0
print("alive")
"""
    assert run("import warnings; warnings.simplefilter('ignore')" + code).endswith("alive")


# arrays


def test_plain_copies_only_what_kernels_cannot_take():
    good = np.ones((2, 3), np.float32)
    assert jit.plain(good, np.dtype(np.float32)) is good
    frozen = good.copy()
    frozen.flags.writeable = False
    odd = np.ones(25, np.uint8)[1:].view(np.float32).reshape(2, 3)
    others = [frozen, good.T, good[:, ::2], good.astype(">f4"), good.astype(np.float64), odd, good.view(np.matrix)]
    for array in others:
        made = jit.plain(array, np.dtype(np.float32))
        assert type(made) is np.ndarray
        assert made.flags.carray
        assert made.dtype == np.float32
        assert not np.shares_memory(made, array)
        np.testing.assert_array_equal(made, np.asarray(array).astype(np.float32))


def test_working_dtype_is_numpys_promotion_or_none():
    f4, f8 = np.ones(2, np.float32), np.ones(2)
    assert jit.working_dtype(f4, f4) == np.float32
    assert jit.working_dtype(f4, f8) == np.float64
    for stranger in (np.ones(2, int), np.ones(2, bool), np.ones(2, complex), np.ones(2, np.longdouble), [1.0], None):
        assert jit.working_dtype(f8, stranger) is None
        assert jit.working_dtype(stranger, f8) is None
    assert jit.working_dtype(np.ones(2, np.float16)) is None


SCATTERED = {
    "time and batch exchanged": lambda a: a.swapaxes(0, 1),
    "backwards": lambda a: a[::-1],
    "columns of a wider one": lambda a: a[:, :, 3:20],
    "every second row": lambda a: a[:, ::2],
    "columns in another order": lambda a: a[:, :, ::-1],
    "one row for all": lambda a: np.broadcast_to(a[:1], a.shape),
    "few rows": lambda a: a[:3, :5].swapaxes(0, 1),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64, bool])
@pytest.mark.parametrize("view", SCATTERED.values(), ids=SCATTERED)
def test_plain_copies_scattered_rows_bit_by_bit(view, dtype):
    """NaN, infinities and -0 included: what is copied is not computed with."""
    array = np.random.default_rng(0).normal(size=(12, 31, 21)).astype(dtype)
    if array.dtype.kind == "f":
        array[0, 0, :4], array[-1, -1, -4:] = [np.nan, np.inf, -np.inf, -0.0], [-0.0, np.inf, np.nan, 1]
    seen = view(array)
    made = jit.plain(seen, np.dtype(dtype))
    assert made.flags.carray
    assert not np.shares_memory(made, array)
    assert made.tobytes() == np.array(seen, order="C").tobytes()
