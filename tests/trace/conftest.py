"""A browser, the pages it opens, and what a reader does there."""

import os
from pathlib import Path

import pytest

from scratchnn.trace import record

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")  # Debian's; nothing is downloaded
BUG = "lstm-dc-next-dropped"


@pytest.fixture(scope="session")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("Debian's chromium and chromedriver are not here")
    os.environ["SE_OFFLINE"] = "true"
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
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


@pytest.fixture
def reader(browser):
    """Opens any file."""
    return lambda path: Page(browser, path)
