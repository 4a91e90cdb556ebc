"""The same measurement in a trained model: dLoss/dh_t over the test sequences of a run."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchnn import models, ops, runs
from scratchnn.layers import sequences
from scratchnn.layers.recurrent import suffix
from scratchnn.runs.opened import same_data

from .norms import Norms, sequence_norms

SEQUENCES = 256  # of the test part, at most


class RunFlow(NamedTuple):
    """Gradients in one direction of a model's last recurrent layer; logarithms are natural."""

    cell: str  # "rnn", "lstm" or "gru"
    direction: str  # "first to last" or "last to first": the way it reads
    h: np.ndarray  # (T, N): row d is log of ||dLoss/dh|| d steps before the end of reading, NaN beyond the beginning

    @property
    def relative(self) -> np.ndarray:
        """Each sequence's norms as a share of its largest one: (T, N)."""
        with np.errstate(invalid="ignore"):
            return self.h - np.nanmax(np.where(np.isfinite(self.h), self.h, -np.inf), axis=0)

    @property
    def count(self) -> np.ndarray:
        """How many sequences are long enough to have a step at each distance: (T,)."""
        return np.sum(~np.isnan(self.h), axis=1)

    @property
    def mean(self) -> np.ndarray:
        """Mean of ``relative`` over the sequences that reach so far: (T,)."""
        return np.nanmean(self.relative, axis=1)

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation of ``relative``: (T,)."""
        finite = np.where(np.isfinite(self.relative), self.relative, np.nan)
        return np.sqrt(np.nanmean((finite - np.nanmean(finite, axis=1, keepdims=True)) ** 2, axis=1))


def run_flow(path: str | Path, *, data: str | None = None, backend: str | None = None) -> list[RunFlow]:
    """Measure dLoss/dh_t in the last recurrent layer of a trained classifier.

    Parameters
    ----------
    path : str or Path
        Run folder; of a committee the first member is measured.
    data : str, optional
        Where the user's own file lies now, if it has moved.
    backend : str, optional

    Returns
    -------
    list of RunFlow
        One for each direction.

    Raises
    ------
    RunError
        The run is unusable, or not of a classifier.
    """
    run = runs.open_run(path, backend)
    model = run.model.members[0] if isinstance(run.model, models.Committee) else run.model
    if not isinstance(model, models.SequenceClassifier):
        raise runs.RunError(f"{path} holds no classifier, expected one to ask for the gradient of its loss")
    _, prepared = same_data(run._asdict(), run.vocabulary, run.path, data)
    test = prepared.dataset.split["test"][:SEQUENCES]
    chosen = [prepared.inputs[k] for k in test]
    lengths = np.array([len(one) for one in chosen])
    inputs = np.zeros((len(chosen), lengths.max(), *chosen[0].shape[1:]), chosen[0].dtype)
    for row, one in zip(inputs, chosen, strict=True):
        row[: len(one)] = one
    return model_flow(model, inputs, lengths, prepared.dataset.targets[test])


def model_flow(
    model: models.SequenceClassifier, inputs: np.ndarray, lengths: np.ndarray, targets: np.ndarray
) -> list[RunFlow]:
    """Measure dLoss/dh_t in the last recurrent layer of a classifier, on one batch.

    Parameters
    ----------
    model : models.SequenceClassifier
        Its parameters' gradients are set to zero.
    inputs : (B, T) int or (B, T, D)
    lengths : (B,) int
    targets : (B,) int

    Returns
    -------
    list of RunFlow
    """
    logits, cache = model.forward(inputs, lengths=lengths)
    compared = ops.cross_entropy.reference.forward(logits, targets, reduction="sum")  # one loss per sequence
    dy, dstate = _upstream(model, ops.cross_entropy.reference.backward(compared).logits, cache)
    layer, recurrent = model.recurrent, cache.recurrent
    H, flows = layer.hidden_size, []
    for direction in range(layer.directions):
        row = len(recurrent.runs) - layer.directions + direction
        dh = np.swapaxes(dy, 0, 1)[:, :, direction * H : (direction + 1) * H].astype(float)
        dh = sequences.reverse(dh, recurrent.lengths) if direction else dh.copy()
        if dstate is not None:
            dh[-1] += (dstate[0] if layer.room == "lstm" else dstate)[row]
        op_params = _params(layer, layer.num_layers - 1, direction)
        norms = sequence_norms(layer.room, recurrent.runs[row], op_params, dh)
        flows.append(
            RunFlow(layer.room, ("first to last", "last to first")[direction], _from_the_end(norms, lengths))
        )
    return flows


def _upstream(model, dlogits, cache):
    """Run the model's backward and note what its recurrent layer is given."""
    given: dict[str, Any] = {}
    whole = model.recurrent.backward

    def noted(dy, cache, dstate=None, **options):
        given.update(dy=dy, dstate=dstate)
        return whole(dy, cache, dstate, **options)

    model.recurrent.backward = noted
    try:
        model.backward(dlogits, cache)
    finally:
        del model.recurrent.backward
        model.zero_grad()
    return given["dy"], given["dstate"]


def _params(layer, number, direction):
    end = suffix(number, direction)
    fields = getattr(ops, layer.room).Params
    W_h = layer.own["W_h" + end]
    absent = {"b": np.zeros(W_h.shape[1]), "b_hn": np.zeros(len(W_h))}
    return fields(**{name: layer.own.get(name + end, absent.get(name)) for name in fields._fields})


def _from_the_end(norms: Norms, lengths):
    """Turn rows of time into rows of distance to each sequence's own end."""
    T, B = norms.h.shape
    made = np.full((T, B), np.nan)
    for k, length in enumerate(lengths):
        made[:length, k] = norms.h[:length, k][::-1]
    return made
