"""The page in headless Chromium: at every event it shows what was recorded."""

import json
import math
import re

import numpy as np
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # selenium's pipes
READ = """
const text = (css) => document.querySelector(css)?.textContent ?? null;
const full = (css) => document.querySelector(css)?.dataset.full ?? null;
const all = (css) => [...document.querySelectorAll(css)];
const read = (node) => node.nodeType === 3 ? node.textContent
  : node.matches('.sum') ? '(' + node.querySelector('.total .number').dataset.full + ')'
  : node.matches('.number') ? '(' + node.dataset.full + ')' : [...node.childNodes].map(read).join('');
const words = document.querySelector('#in-numbers > span:not(.result)');
return {
  n: Number(document.querySelector('#nodes [aria-current]').dataset.go), words: words && read(words),
  sums: all('#in-numbers .sum').filter((one) => !one.textContent.includes('…'))
    .map((one) => [...one.querySelectorAll('.number')].map((x) => Number(x.dataset.full))),
  source: text('#source'), entry: text('.reading span'),
  value: full('#entry .number'), result: full('.result .number'),
  check: text('#check'), error: full('#error .number'), truth: full('#true-value .number'),
  inputs: all('#inputs [data-input]').map((one) => one.dataset.input),
  made: all('#inputs .link').map((one) => Number(one.dataset.go)),
  addends: all('#addends:not([hidden]) tbody tr').map((one) => one.querySelector('th').textContent),
  lit: all('#microscope .lit').map((one) => [one.dataset.node, one.dataset.full]),
};
"""


def value_of(trace, event):
    if event.value is not None:
        return trace.array(event.value)
    total = 0
    for one in trace.events[: event.n + 1]:
        if (one.node, one.op, one.kind) == (event.node, event.op, "add"):
            for addend in one.addends:
                if "factors" in addend:
                    a, b = (trace.array(f["array"]).T if f["transposed"] else trace.array(f["array"])
                            for f in addend["factors"])  # fmt: skip
                    total = total + a @ b
                else:
                    total = total + trace.array(addend["summed"]).sum(axis=addend["axis"])
    return total


def evaluated(words):
    """Give the value of an expression as the page writes it."""
    plain = words.split(" = ")[-1].split(", over")[0]
    for shown, code in (("·", "*"), ("−", "-"), ("²", "**2"), ("is added: ", "")):
        plain = plain.replace(shown, code)
    assert re.fullmatch(r"[\d\s.()*+/e-]*", re.sub(r"sigmoid|tanh|exp", "", plain)), plain
    names = {"sigmoid": lambda x: 1 / (1 + math.exp(-x)), "tanh": math.tanh, "exp": math.exp, "__builtins__": {}}
    return eval(plain, names)


# lines that are not written out in numbers: a mask, a whole array, a function of a whole row
NOT_IN_NUMBERS = {
    "attention": {"dalpha"},
    "model": {
        "loss",
        "total",
        "y",
        "k",
        "q",
        "v",
        "dalpha",
        "logits",
        "losses",
        "p",
        "log_p",
        "dlogits",
        "dW",
        "dy_real",
        "from_query",
    },
}


# every event, by the key that a reader presses, in one go
WALK = f"""
const read = () => {{ {READ} }};
const choice = document.getElementById('plant');
choice.value = arguments[1];
choice.dispatchEvent(new Event('change', {{bubbles: true}}));
const press = (key) =>
  document.body.dispatchEvent(new KeyboardEvent('keydown', {{key, bubbles: true, cancelable: true}}));
press('Home');
const seen = [];
for (let k = 0; k < arguments[0]; k++) {{ seen.push(read()); press('ArrowRight'); }}
return seen;
"""


@pytest.mark.parametrize("name", ["lstm", "wrong", "gru", "rnn", "attention", "model"])
def test_every_event_shows_what_was_recorded(visit, pages, name):
    trace, page = pages[0][name], visit("lstm" if name == "wrong" else name)
    silent = set()
    walked = page.driver.execute_script(WALK, len(trace.events), "0" if name == "wrong" else "-1")
    for event, seen in zip(trace.events, walked, strict=True):
        assert seen["n"] == event.n
        assert seen["source"] == f"{event.function}, line {event.line}\n{event.text}"
        value = np.asarray(value_of(trace, event))
        entry = seen["entry"].removeprefix(event.node)
        index = tuple(json.loads(entry)) if entry else ()
        exact = {"rel": 0, "abs": 0} if event.value is not None else {"rel": 1e-12, "abs": 1e-15}  # a sum made here
        assert float(seen["value"]) == pytest.approx(value[index], **exact)
        assert seen["result"] == seen["value"]
        assert seen["lit"] == [[event.node, seen["value"]]]
        if event.kind == "set":
            if seen["words"]:
                assert evaluated(seen["words"]) == pytest.approx(value[index], rel=1e-9, abs=1e-12), event.text
            else:
                silent.add(event.node)
        for *factors, total in seen["sums"]:
            pairs = zip(factors[::2], factors[1::2], strict=True)
            assert total == pytest.approx(sum(a * b for a, b in pairs), abs=1e-14)
        if event.check is None:
            assert "Not checked" in seen["check"]
        else:
            assert float(seen["error"]) == event.check.error
            assert ("✓ Pass" if event.check.passed else "✗ Fail") in seen["check"]
            assert event.check.method in seen["check"]
            if event.check.true is not None:
                assert float(seen["truth"]) == trace.array(event.check.true)[index]
        assert seen["inputs"] == [one["name"] for one in event.inputs]
        assert seen["made"] == [one["event"] for one in event.inputs if one["event"] is not None]
        assert seen["addends"] == [one["source"] for one in event.addends]
    assert silent <= NOT_IN_NUMBERS.get(name, set()), silent
