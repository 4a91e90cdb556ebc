"""Figures in one style: colour-blind safe, titled, labelled; returned as matplotlib Figures, nothing is shown.

One file per family of pictures; ``style`` holds what they share. Colours are those of Okabe & Ito (2008); maps are
cividis and shades of one blue, which read the same with and without colour vision. No pyplot: figures work without
a screen and leave no global state.
"""

from .attention import attention_over_series, attention_rows
from .bench import device_race, race
from .gradient_flow import gradient_flow
from .gradients import Panel, error_maps, step_curve
from .language import memory, nats_curves
from .recorded import alpha_map, gates, norms_over_time
from .style import save
from .training import confusion, loss_curves, train_and_test

__all__ = [
    "Panel",
    "alpha_map",
    "attention_over_series",
    "attention_rows",
    "confusion",
    "device_race",
    "error_maps",
    "gates",
    "gradient_flow",
    "loss_curves",
    "memory",
    "nats_curves",
    "norms_over_time",
    "race",
    "save",
    "step_curve",
    "train_and_test",
]
