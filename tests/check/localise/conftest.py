"""The line search has limits of time for each of its parts; a slow machine must not change what a test sees."""

import pytest

from scratchnn.check.localise import pushing
from scratchnn.check.localise.repairs import kept, mend


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    for module, name in ((mend, "SECONDS"), (kept, "SECONDS"), (pushing, "MADE")):
        monkeypatch.setattr(module, name, 20.0)
