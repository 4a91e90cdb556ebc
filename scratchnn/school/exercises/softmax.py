"""Derive: the gradient of a softmax row, and of its logarithm."""

import numpy as np

from scratchnn import ops, probe

from ..kinds.derive import Derive, Formula


def _row(output):
    def problem(rng):
        z, upstream = rng.normal(size=(2, 4))
        softmax = ops.softmax.reference
        forward = softmax.forward if output == "p" else softmax.log_forward
        right = probe.complex_step(lambda at: (getattr(forward(at["z"]), output) * upstream).sum(), {"z": z})["z"]
        p = softmax.forward(z).p
        return (
            {"p": p, "dp": upstream} if output == "p" else {"p": p, "log_p": np.log(p), "dlog_p": upstream}
        ), right

    return problem


EXERCISE = Derive(
    number="60",
    name="softmax",
    title="A row of softmax, backward",
    op="softmax",
    task="""
        p = exp(z) / sum(exp(z)) is one row of probabilities, and dp says how much the loss changes per unit of each
        of them. How much does it change per unit of each entry of z? Your formula works on whole rows: p * dp
        multiplies entry by entry, and sum(...) adds up a row. Careful: raising one logit moves every probability of
        the row.
    """,
    formulas=(
        Formula(
            "dz",
            "p = softmax(z), upstream dp. Use: p, dp",
            _row("p"),
            6,
            "backward",
            "add the same number to every logit of the row: p does not move. What must the entries of dz add up to?",
        ),
        Formula(
            "dz_of_log",
            "log_p = log(softmax(z)), upstream dlog_p. Use: p, log_p, dlog_p",
            _row("log_p"),
            7,
            "log_backward",
            "log p = z - log(sum(exp(z))): z stands at two places. What is the slope of the second?",
        ),
    ),
)
