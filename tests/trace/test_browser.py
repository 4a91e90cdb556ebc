"""The page in headless Chromium: every control is used, and what it shows is what was recorded."""

import base64
import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest

from scratchnn.trace import record

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")  # Debian's; nothing is downloaded
webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
pytestmark = [
    pytest.mark.skipif(
        not (CHROMIUM.exists() and DRIVER.exists()), reason="Debian's chromium and driver are not here"
    ),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # selenium's pipes
]
BUG = "lstm-dc-next-dropped"
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
PLANT = """
const choice = document.getElementById('plant');
choice.value = arguments[0];
choice.dispatchEvent(new Event('change', {bubbles: true}));
"""
CONTRAST = """
const channel = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
const colour = (text) => { const c = text.match(/[\\d.]+/g).map(Number); return c.length < 4 ? [...c, 1] : c; };
const over = (top, under) => [0, 1, 2].map((k) => top[k] * top[3] + under[k] * (1 - top[3])).concat(1);
const paper = (node) => {
  const layers = [];
  for (let one = node; one; one = one.parentElement) layers.push(colour(getComputedStyle(one).backgroundColor));
  return layers.reduceRight((under, top) => over(top, under), [255, 255, 255, 1]);
};
const bad = [];
for (const node of document.querySelectorAll('body *')) {
  const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim());
  if (!own || !node.getClientRects().length || node.closest('svg, math, :disabled')) continue;
  const [a, b] = [light(colour(getComputedStyle(node).color)), light(paper(node))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) bad.push([node.tagName, node.className, node.textContent.trim().slice(0, 20), ratio]);
}
return bad;
"""


@pytest.fixture(scope="module")
def browser():
    os.environ["SE_OFFLINE"] = "true"
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    sizes = {"T": 3, "B": 2, "D": 3, "H": 4, "seed": 7}
    traces = {"lstm": record("lstm", **sizes)}
    traces["wrong"] = record("lstm", **sizes, plant=BUG)
    traces |= {op: record(op, seed=7) for op in ("attention",)}
    traces |= {op: record(op, T=3, B=2, D=3, H=4, seed=7) for op in ("gru", "rnn", "model")}
    paths = {
        name: trace.html(folder / f"{name}.html", [traces["wrong"]] if name == "lstm" else [])
        for name, trace in traces.items()
        if name != "wrong"
    }
    return traces, paths


class Page:
    """What a reader sees and does."""

    def __init__(self, driver, path, address=""):
        self.driver = driver
        driver.get("about:blank")
        driver.get(path.as_uri() + (f"#{address}" if address else ""))

    def one(self, css):
        return self.driver.find_element("css selector", css)

    def all(self, css):
        return self.driver.find_elements("css selector", css)

    def text(self, css):
        return self.driver.execute_script("return document.querySelector(arguments[0]).textContent", css)

    def full(self, css):
        return float(self.driver.execute_script("return document.querySelector(arguments[0]).dataset.full", css))

    def click(self, css):
        self.driver.execute_script("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", css)
        self.one(css).click()

    def press(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)

    def type(self, css, text):
        from selenium.webdriver.common.keys import Keys

        self.one(css).send_keys(Keys.CONTROL, "a")
        self.one(css).send_keys(text)
        self.one(css).send_keys(Keys.ENTER)

    @property
    def address(self):
        return dict(part.split("=") for part in self.driver.current_url.split("#")[1].split("&"))

    @property
    def event(self):
        """The number of the event that is shown."""
        return int(self.one("#nodes [aria-current]").get_attribute("data-go"))


@pytest.fixture
def visit(browser, pages):
    def go(name, address=""):
        return Page(browser, pages[1][name], address)

    yield go
    messages = [one for one in browser.get_log("browser") if one["level"] in ("SEVERE", "WARNING")]
    assert not messages


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


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "attention", "model"])
def test_every_event_shows_what_was_recorded(visit, pages, name):
    trace, page = pages[0][name], visit(name)
    silent = set()
    for event in trace.events:
        seen = page.driver.execute_script(READ)
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
        page.press("\ue014")
    assert silent <= NOT_IN_NUMBERS.get(name, set()), silent


def test_buttons_and_keys_step_and_turn_round(visit, pages):
    trace, page = pages[0]["lstm"], visit("lstm")
    assert not page.one("#previous").is_enabled()
    page.click("#last")
    assert page.event == len(trace.events) - 1
    assert not page.one("#next").is_enabled()
    page.click("#first")
    page.click("#step-on")
    assert trace.events[page.event].t == 1
    page.click("#next")
    page.click("#step-back")  # to the begin of this step, then to the one before
    assert (trace.events[page.event].t, trace.events[page.event].node) == (1, "a_t")
    page.click("#previous")
    assert (trace.events[page.event].t, trace.events[page.event].node) == (0, "h_t")
    page.one("body").click()
    page.press("\ue011")  # Home
    assert page.event == 0
    seen = []
    for _ in range(6):
        seen.append((trace.events[page.event].phase, trace.events[page.event].t))
        page.press("\ue00f")  # Page Down
    assert seen == [("forward", t) for t in range(3)] + [("backward", t) for t in (2, 1, 0)]
    page.press("\ue00e")  # Page Up
    assert trace.events[page.event].t == 1
    page.press("\ue010")  # End
    assert page.event == len(trace.events) - 1
    page.press("\ue012")  # left
    assert page.event == len(trace.events) - 2


def test_timeline_nodes_cell_inputs_bars_lead_there(visit, pages):
    trace, page = pages[0]["lstm"], visit("lstm")
    page.click('#timeline button.backward[aria-label^="backward t=1"]')
    assert trace.events[page.event].node == "dh_t"
    wanted = trace.find("dc_t", t=1).n
    page.click(f'#nodes [data-go="{wanted}"]')
    assert page.event == wanted
    page.click('#microscope [data-node="ds"]')
    assert page.event == trace.find("ds", t=1).n
    page.click("#inputs .link")
    assert page.event == trace.find("dh_t", t=1).n
    page.click('#shares [data-share="dW_h"][aria-label*="t=2"]')
    assert page.event == trace.find("dW_h", t=2).n
    page.press("b")
    assert "counterpart" in page.text("#said")
    page.click("#first")
    page.press("b")
    assert trace.events[page.event].node == "da_t"


def test_bars_and_curves_have_the_recorded_sizes(visit, pages):
    trace, page = pages[0]["lstm"], visit("lstm")
    for node in ("dW_x", "dW_h", "db"):
        for t in range(3):
            addend = trace.find(node, t=t).addends[0]
            if "factors" in addend:
                a, b = (trace.array(f["array"]) for f in addend["factors"])
                size = np.linalg.norm(a.T @ b)
            else:
                size = np.linalg.norm(trace.array(addend["summed"]).sum(axis=addend["axis"]))
            assert page.full(f'[data-share="{node}"][aria-label*="t={t}"]') == pytest.approx(size, rel=1e-12)
    heights = [one.size["height"] for one in page.all('[data-share="dW_h"] span')]
    sizes = [float(one.get_attribute("data-full")) for one in page.all('[data-share="dW_h"]')]
    assert heights == pytest.approx([56 * size / max(sizes) for size in sizes], abs=1.6)
    kept = [float(one.get_attribute("data-full")) for one in page.all("#flow .gates .dot")]
    f = [trace.array(trace.find("f", t=t, phase="forward").value) for t in range(3)]
    assert kept == pytest.approx([(f[1] * f[2]).mean(), f[2].mean(), 1], rel=1e-12)
    norms = [float(one.get_attribute("data-full")) for one in page.all("#flow .dc_t .dot")]
    assert norms == pytest.approx([np.linalg.norm(trace.array(trace.find("dc_t", t=t).value)) for t in range(3)])


def test_unit_sequence_and_grid_choose_the_entry(visit, pages):
    trace, page = pages[0]["lstm"], visit("lstm", "t=1&node=dc_t")
    array = trace.array(trace.find("dc_t", t=1).value)
    page.type("#unit", "2")
    page.type("#batch", "1")
    assert page.full("#entry .number") == array[1, 2]
    assert page.address["unit"] == "2"
    page.one("#unit").send_keys("\ue00c")  # Escape leaves the field
    page.press("]")
    assert page.full("#entry .number") == array[1, 3]
    page.press("[")
    page.click('#grid [data-flat="1"]')
    assert page.full("#entry .number") == array[0, 1]
    page.press("\ue015")  # down: the next sequence
    assert page.full("#entry .number") == array[1, 1]
    page.press("\ue014")  # right
    assert page.full("#entry .number") == array[1, 2]
    assert page.one('#grid [aria-pressed="true"]').get_attribute("data-flat") == "6"
    assert page.text("#readout") == str(array[1, 2])
    page.type("#unit", "99")
    assert page.one("#unit").get_attribute("value") == "3"


def test_search_finds_and_goes_on(visit, pages):
    trace, page = pages[0]["lstm"], visit("lstm")
    page.press("/")
    assert page.driver.switch_to.active_element.get_attribute("id") == "search"
    page.press("dc_t 1")
    page.press("\ue007")
    assert page.event == trace.find("dc_t", t=1).n
    page.type("#search", "dc_t")
    first = page.event
    page.press("\ue007")
    assert page.event != first
    assert trace.events[page.event].node == "dc_t"
    page.type("#search", "nosuch")
    assert "nothing called nosuch" in page.text("#found")


def test_help_opens_and_closes(visit):
    page = visit("lstm")
    page.press("?")
    assert page.one("#help").is_displayed()
    page.press("\ue00c")
    assert not page.one("#help").is_displayed()
    page.click("#help-button")
    page.click("#help button")
    assert not page.one("#help").is_displayed()


def test_a_permalink_restores_and_follows(visit, pages):
    trace, page = pages[0]["lstm"], visit("lstm", "t=2&node=dc_t")
    assert page.event == trace.find("dc_t", t=2).n
    page.driver.execute_script("location.hash = 't=0&node=f&unit=3'")
    page.driver.execute_async_script("setTimeout(arguments[0], 60)")
    assert page.event == trace.find("f", t=0, phase="forward").n
    assert page.one("#unit").get_attribute("value") == "3"
    page.click("#next")
    address = page.driver.current_url.split("#")[1]
    again = visit("lstm", address)
    assert again.event == trace.find("g", t=0, phase="forward").n
    assert "no node nothing" in visit("lstm", "node=nothing").text("#said")


def test_a_planted_bug_is_shown_beside_the_right_run(visit, pages):
    right, wrong = pages[0]["lstm"], pages[0]["wrong"]
    page = visit("lstm")
    page.press("x")
    assert "No bug is planted" in page.text("#said")
    page.driver.execute_script(PLANT, "0")
    first = wrong.find("dc_t", t=2)
    assert page.event == first.n
    assert "✗" in page.text("#summary")
    assert page.full("#wrong-entry .number") == wrong.array(first.value)[0, 0]
    assert page.full("#right-entry .number") == right.array(right.find("dc_t", t=2).value)[0, 0]
    assert "✗" in page.text("#apart")
    assert page.text("#source").endswith(first.text)
    assert all("pass" in one.get_attribute("class") or "none" in one.get_attribute("class")
               for one in page.all("#nodes [data-go]:nth-child(-n+3) .badge"))  # fmt: skip
    page.press("\ue012")
    assert "✓" in page.text("#apart")
    page.click("#diverge")
    assert page.event == first.n
    page.press("\ue010", "x")
    assert page.event == first.n
    assert page.address["plant"] == BUG
    again = visit("lstm", page.driver.current_url.split("#")[1])
    assert again.event == first.n
    assert again.one("#compare").is_displayed()
    again.driver.execute_script(PLANT, "-1")
    assert not again.one("#compare").is_displayed()


def test_attention_rows_and_the_jacobian(visit, pages):
    trace, page = pages[0]["attention"], visit("attention", "node=dscores")
    alpha, dalpha, dscores = (trace.array(trace.find(name).value)[0] for name in ("alpha", "dalpha", "dscores"))
    for (i, j), weight in np.ndenumerate(alpha):
        assert page.full(f'[data-query="{i}"][data-source="{j}"]') == weight
    page.click('[data-query="2"][data-source="1"]')
    rows = [[float(x.get_attribute("data-full")) for x in row.find_elements("css selector", ".number")]
            for row in page.all("#jacobian tbody tr")]  # fmt: skip
    jacobian = np.diag(alpha[2]) - np.outer(alpha[2], alpha[2])
    assert rows[:3] == [list(alpha[2]), list(dalpha[2]), list(dscores[2])]
    assert rows[3] == pytest.approx(jacobian[1])
    assert rows[4] == pytest.approx(jacobian[1] * dalpha[2])
    assert page.full("#row-sum .number") == pytest.approx(dscores[2, 1], rel=1e-9)
    assert page.full("#row-recorded .number") == dscores[2, 1]
    page.click("#jacobian .link")
    assert trace.events[page.event].node == "alpha"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough(visit, scheme):
    page = visit("lstm", f"t=1&node=dc_t&plant={BUG}")
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    assert page.driver.execute_script(CONTRAST) == []
    other = visit("attention", "node=dscores")
    assert other.driver.execute_script(CONTRAST) == []
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_everything_to_press_has_a_name_and_the_focus_stays(visit, pages):
    page = visit("lstm", "t=1&node=dc_t")
    nameless = page.driver.execute_script(
        "return [...document.querySelectorAll('button, input, select, [role=button]')].filter((one) =>"
        "!(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length))"
        ".map((one) => one.outerHTML)"
    )
    assert nameless == []
    page.driver.execute_script("document.querySelector('#nodes [aria-current]').focus()")
    page.press("\ue014")
    focused = page.driver.switch_to.active_element
    assert page.driver.execute_script("return arguments[0].closest('section')?.id", focused) == "nodes"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "attention", "model"])
def test_nothing_sticks_out(visit, name, width, tmp_path):
    page = visit(name, f"plant={BUG}" if name == "lstm" else "")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.click("#last")
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
    picture = page.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    assert len(base64.b64decode(picture["data"])) > 10_000
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_on_paper_and_without_scripts_stand_the_tables(visit, pages):
    page = visit("lstm")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert page.one("#tables").is_displayed()
    assert not page.one("#app").is_displayed()
    assert len(page.all("#tables table:last-of-type tbody tr")) >= len(pages[0]["lstm"].events)
    pdf = base64.b64decode(page.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    assert pdf.startswith(b"%PDF")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.driver.get("about:blank")
    page.driver.get(pages[1]["lstm"].as_uri())
    assert page.one("#tables").is_displayed()
    assert page.one("noscript p").is_displayed()
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_the_notebook_frame_steps_too(browser, pages, tmp_path):
    trace = pages[0]["rnn"]
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><body>{trace._repr_html_()}", encoding="utf-8")
    page = Page(browser, path)
    browser.switch_to.frame(page.one("iframe"))
    page.click("#next")
    assert page.event == 1
    browser.switch_to.default_content()
    assert not [one for one in browser.get_log("browser") if one["level"] == "SEVERE"]
