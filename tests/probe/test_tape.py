"""The tape: what a source does is kept, what it computes stays the same."""

import textwrap
import traceback

import numpy as np
import pytest

from scratchnn.probe.tape import Tape, instrument
from scratchnn.probe.tape.nudge import Nudge


def taped(source, *given):
    """Run a source on a tape; give the tape and the module's names."""
    tape = Tape()
    names = tape.run(instrument(textwrap.dedent(source), "some.py"), {"np": np})
    for name, array in given:
        tape.give(name, array)
    return tape, names


def named(tape, name):
    return [record for record in tape.records if record.name == name and record.kind != "given"]


def test_an_assignment_is_kept_with_its_line_its_text_and_what_it_read():
    x, w = np.arange(6.0).reshape(2, 3), np.ones((3, 2))
    source = """
    def f(x, w):
        y = np.tanh(
            x @ w  # inside
        )  # (7)
        return y
    """
    tape, names = taped(source, ("x", x), ("w", w))
    y = names["f"](x, w)
    (kept,) = [record for record in named(tape, "y") if record.kind == "set"]
    assert (kept.site.function, kept.site.line, kept.site.comment) == ("f", 3, "(7)")
    assert kept.site.text.startswith("y = np.tanh(")
    np.testing.assert_array_equal(kept.value, np.tanh(x @ w))
    np.testing.assert_array_equal(kept.value, y)
    assert [(read.text, tape.records[read.record].target) for read in kept.reads] == [("x", "x"), ("w", "w")]


def test_values_are_copies():
    tape, names = taped("""
    def f(x):
        y = 2 * x
        y[0] = 100
        return y
    """)
    names["f"](np.array([1.0, 2.0]))
    np.testing.assert_array_equal(named(tape, "y")[0].value, [2, 4])


def test_the_result_is_that_of_the_plain_source():
    source = textwrap.dedent("""
    import numpy as np
    class Cell:
        def __init__(self, w):
            self.__w = w
            self.seen = []
        def read(self, x, *more, scale=2.0, **options):
            def inner(v):
                nonlocal count
                count += 1
                return v * scale
            count = 0
            (a, *rest), b = (x, x + 1, x + 2), {"k": x}
            b["k"] = b["k"] + inner(a)
            self.seen.append(b["k"] @ self.__w)
            total = sum(one.sum() for one in [a, *rest, *self.seen])
            while count < 3:
                count += 1
                total += count
            for k, one in enumerate(rest):
                total = total + k * one.mean()
            else:
                total = total if not more else 0
            return total, f"{total:.3f}", (lambda z: z + total)(1.0)
    def numbers(x):
        for k in range(3):
            y = x + k
            yield y
    def main(x):
        cell = Cell(np.arange(3.0))
        return [cell.read(x), cell.read(x * 2, scale=0.5), [one.sum() for one in numbers(x)]]
    """)
    plain = {}
    exec(source, plain)
    _, names = taped(source)
    x = np.array([0.5, -1.0, 2.0])
    assert names["main"](x) == plain["main"](x)


def test_errors_keep_their_line():
    _, names = taped("def f(x):\n    y = x + 1\n\n    z = y @ np.ones(7)\n    return z\n")
    with pytest.raises(ValueError, match="matmul") as caught:
        names["f"](np.ones(3))
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.filename, frame.lineno) == ("some.py", 4)


def test_time_steps_are_known_in_called_functions_too():
    tape, names = taped("""
    def step(v):
        s = v + 1.5
        return s
    def run(v):
        for t in reversed(range(3)):
            v = step(v)
        for k in range(2):
            back = 1 - k
            w = v * 2.5
        last = v + 1
        for one in [v, w]:
            odd = one * 3.5
    """)
    names["run"](np.array([1.0, 2.0]))
    assert [record.counters["t"] for record in named(tape, "s") if record.kind == "set"] == [2, 1, 0]
    assert [(record.counters["k"], record.counters["back"]) for record in named(tape, "w")] == [(0, 1), (1, 0)]
    assert "t" not in named(tape, "last")[0].counters
    assert [(record.loops, record.counters["#one"]) for record in named(tape, "odd")] == [
        (("#one",), 0),
        (("#one",), 1),
    ]


def test_an_increment_is_kept_with_its_two_factors_and_the_running_total():
    tape, names = taped("""
    def f(x, y):
        w = np.zeros((2, 2))
        for t in range(2):
            w += x.T @ y[t]
        return w
    """)
    x, y = np.array([[1.0, 2.0]]), np.array([[[3.0, 4.0]], [[5.0, 6.0]]])
    names["f"](x, y)
    first, second = [record for record in named(tape, "w") if record.kind == "add"]
    np.testing.assert_array_equal(first.increment, x.T @ y[0])
    np.testing.assert_array_equal(second.increment, x.T @ y[1])
    np.testing.assert_array_equal(second.value, x.T @ y[0] + x.T @ y[1])
    assert second.site.operands == ("x.T", "y[t]")
    np.testing.assert_array_equal(second.operands[0], x.T)
    np.testing.assert_array_equal(second.operands[1], y[1])


def test_a_sum_tells_its_terms():
    tape, names = taped("def f(x, y):\n    z = x + 2 * y + x * y\n    return z\n")
    x, y = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    names["f"](x, y)
    kept = named(tape, "z")[0]
    assert kept.site.terms == ("x", "2 * y", "x * y")
    for got, expected in zip(kept.terms, (x, 2 * y, x * y), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_copies_views_and_stores_lead_back_to_their_maker():
    tape, names = taped(
        """
    def f(x):
        y = x * 2
        a, b = np.split(y, 2)
        h = np.zeros((3, 2))
        h[1] = np.where(x[:2] > -9, a, 0)
        again = h[1]
        u = again + 1
        v = b + 1
        w = x[1:3] + 1
        return u, v, w
    """
    )
    x = np.array([1.0, 2.0, 3.0, 4.0])
    tape.give("x", x)
    names["f"](x)

    def maker(name):
        (read,) = named(tape, name)[0].reads
        return tape.records[tape.maker(read.record)].target

    assert (maker("u"), maker("v"), maker("w")) == ("y", "y", "x")


def test_what_was_overwritten_is_no_more_the_maker():
    tape, names = taped("""
    def f(x):
        y = x * 2
        y[:] = x * 3
        z = y + 1
        y += 5 * x
        w = y + 1
        return z, w
    """)
    names["f"](np.array([1.0, 2.0]))
    z, w = named(tape, "z")[0], named(tape, "w")[0]
    np.testing.assert_array_equal(z.reads[0].value, [3, 6])
    assert tape.records[z.reads[0].record].kind == "store"
    assert tape.records[w.reads[0].record].kind == "add"


def test_zeros_come_from_nowhere():
    tape, names = taped("def f(x):\n    y = x * 0\n    z = np.zeros(2)\n    w = z + 1\n    return y, w\n")
    names["f"](np.array([1.0, 2.0]))
    assert named(tape, "z")[0].same is None


def test_keys_are_the_same_in_every_run():
    source = "def f(x):\n    for t in range(3):\n        x = x * 1.5\n    return x\n"
    keys = []
    for x in (np.array([1.0, 2.0]), np.array([7.0])):
        tape, names = taped(source)
        names["f"](x)
        keys.append([record.key for record in tape.records])
    assert keys[0] == keys[1]


def test_a_nudge_moves_one_number_of_one_round():
    source = instrument("def f(x):\n    for t in range(3):\n        y = x * x\n        x = y + 1\n    return x\n")
    tape = Tape()
    x = np.array([0.5, 0.25])
    tape.run(source)["f"](x)
    key = [record for record in tape.records if record.name == "y"][1].key

    def slope(where):
        nudge = Nudge({where: lambda value: value + 1e-30j})
        out = nudge.run(source)["f"](x.astype(complex))
        assert nudge.met == {where}
        return out.imag / 1e-30

    x1 = x**2 + 1
    np.testing.assert_allclose(slope(key), 2 * (x1**2 + 1), rtol=1e-14)


def test_a_nudge_moves_arguments_terms_and_places():
    source = instrument(
        "import numpy as np\n"
        "def g(v):\n    return v * v\n"
        "def f(x):\n    h = np.zeros((2, 1), x.dtype)\n    h[0] = g(x)\n    z = 3 * h[0] + 5 * x\n    return z * z\n"
    )
    tape = Tape()
    tape.run(source)["f"](np.array([2.0]))
    x = np.array([2.0 + 0j])

    def slope(name, last=None):
        record = next(one for one in tape.records if one.name == name and (name != "h" or one.kind == "store"))
        key = record.key if last is None else (*record.key[:2], last)
        nudge = Nudge({key: lambda value: value + 1e-30j})
        return nudge.run(source)["f"](x).imag[0] / 1e-30

    z = 3 * 4 + 10
    assert slope("v") == pytest.approx(2 * z * 3 * 4)
    assert slope("h") == pytest.approx(2 * z * 3)
    assert slope("z", ("term", 1)) == pytest.approx(2 * z)
    assert slope("x") == pytest.approx(2 * z * (3 * 4 + 5))


def test_a_view_in_another_order_keeps_its_own_numbers():
    tape, names = taped(
        "def f(x):\n    y = x * 2\n    z = y[::-1] + 1\n    w = x[::-1] * 3\n"
        "    turned = y[::-1]\n    return z, w, turned\n"
    )
    x = np.array([1.0, 2.0])
    tape.give("x", x)
    names["f"](x)
    np.testing.assert_array_equal(named(tape, "z")[0].reads[0].value, [4, 2])
    np.testing.assert_array_equal(named(tape, "w")[0].reads[0].value, [2, 1])
    assert tape.records[named(tape, "w")[0].reads[0].record].target == "x"
    turned = named(tape, "turned")[0]
    np.testing.assert_array_equal(turned.value, [4, 2])
    assert (turned.same, tape.records[turned.part].target) == (None, "y")
