"""The page in headless Chromium: contrast, names, widths, paper, without scripts, in a notebook."""

import base64

import pytest

from scratchnn.trace import record

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # selenium's pipes
BUG = "lstm-dc-next-dropped"
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


@pytest.mark.parametrize("name", ["lstm", "attention"])
def test_the_browser_fetches_nothing(visit, name):
    page = visit(name)
    page.click("#last")
    fetched = page.driver.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert [one for one in fetched if not one.startswith("data:")] == []


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


def test_a_long_run_pages_smoothly(reader, tmp_path):
    page = reader(record("lstm", T=200, H=64, checks=False).html(tmp_path / "long.html"))
    took = page.driver.execute_script(
        "return ['ArrowRight', 'PageDown', 'ArrowLeft', 'PageUp'].flatMap((key) => Array.from({length: 10}, () => {"
        "  const begin = performance.now();"
        "  document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));"
        "  return document.body.offsetHeight && performance.now() - begin; }))"
    )
    assert sorted(took)[len(took) // 2] < 150, took  # milliseconds, on a busy machine
    page.type("#search", "dc_t 100")
    assert "too large" in page.text("#check")


def test_the_notebook_frame_steps_too(browser, reader, pages, tmp_path):
    trace = pages[0]["rnn"]
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><body>{trace._repr_html_()}", encoding="utf-8")
    page = reader(path)
    browser.switch_to.frame(page.one("iframe"))
    page.click("#next")
    assert page.event == 1
    browser.switch_to.default_content()
    assert not [one for one in browser.get_log("browser") if one["level"] == "SEVERE"]
