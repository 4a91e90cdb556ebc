"""The page in headless Chromium: every control is used."""

import numpy as np
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # selenium's pipes
BUG = "lstm-dc-next-dropped"
PLANT = """
const choice = document.getElementById('plant');
choice.value = arguments[0];
choice.dispatchEvent(new Event('change', {bubbles: true}));
"""


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


def test_dots_wires_and_the_keyboard_lead_there_too(visit, pages):
    trace, page = pages[0]["lstm"], visit("lstm", "t=1&node=dc_t")
    page.click("#flow .dc_t .dot:nth-of-type(1)")
    assert page.event == trace.find("dc_t", t=0).n
    page.click("#first")
    page.driver.execute_script("document.querySelector('#microscope g[data-node=\"a_t\"]').focus()")
    page.press("\ue00f")  # Page Down
    page.driver.execute_script("document.querySelector('#microscope g[data-node=\"h_prev\"]').focus()")
    page.press("\ue007")  # Enter: the event that made it
    assert page.event == trace.find("h_t", t=0, phase="forward").n
    page.driver.execute_script("document.querySelector('.skip').click()")
    page.press("\ue014")
    assert page.event == trace.find("a_t", t=1, phase="forward").n
    page.press("/", "dh_prev 2", "\ue007", "\ue00c")
    made = trace.find("dh_prev", t=2)
    carried = page.one('#microscope .wire.active[data-node="da_t → dh_prev"]')
    da_t = trace.array(trace.find("da_t", t=2).value)
    assert float(carried.get_attribute("data-full")) == da_t[0, 0]
    assert (page.event, trace.events[page.event].inputs[0]["name"]) == (made.n, "da_t")
    choice = page.one("#plant")
    choice.send_keys("\ue015")  # down: the first mistake
    assert page.address["plant"] == BUG


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
