"""The time machine: record a run forward and backward, and show it step by step with a check on every number."""

import importlib
from typing import Any

_WHERE = {
    "record": "recording.entry",
    "Trace": "model",
    "Event": "events",
    "Check": "events",
}  # opened when first asked for
__all__ = ["Check", "Event", "Trace", "record"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
