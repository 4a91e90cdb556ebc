"""Where gradients go: how dLoss/dh_t vanishes, explodes or keeps its size, measured step by step."""

from .cells import CELLS, Cell, make_cell, recurrent_matrix, run, spectral_radius
from .clipping import clipping_run, clipping_step, make_pupil, sequences
from .jacobians import Jacobians, jacobians, slope_bound, step_jacobian
from .norms import Norms, gradient_norms, sequence_norms
from .of_run import RunFlow, model_flow, run_flow
from .picture import picture, run_picture
from .survey import FACTOR, NAMES, Measured, Row, measure, survey
from .words import clipping_sentence, power, sentences, training_sentence

__all__ = [
    "CELLS",
    "FACTOR",
    "NAMES",
    "Cell",
    "Jacobians",
    "Measured",
    "Norms",
    "Row",
    "RunFlow",
    "clipping_run",
    "clipping_sentence",
    "clipping_step",
    "gradient_norms",
    "jacobians",
    "make_cell",
    "make_pupil",
    "measure",
    "model_flow",
    "picture",
    "power",
    "recurrent_matrix",
    "run",
    "run_flow",
    "run_picture",
    "sentences",
    "sequence_norms",
    "sequences",
    "slope_bound",
    "spectral_radius",
    "step_jacobian",
    "survey",
    "training_sentence",
]
