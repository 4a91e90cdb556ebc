"""Mistakes that a page shows beside the right run: of each kind one that shows in few numbers."""

from .recording.problem import OPS

TELLING = {
    "lstm": (
        "lstm-dc-next-dropped", "lstm-o-slope-missing", "lstm-dh-next-not-carried", "lstm-dc-prev-without-f",
        "lstm-dW-h-assigned", "lstm-blocks-f-first",
    ),
    "gru": (
        "gru-dh-next-dropped", "gru-dr-without-bias", "gru-dh-one-minus-z", "gru-dr-dz-swapped", "gru-dW-h-assigned",
    ),
    "rnn": ("rnn-dh-next-dropped", "rnn-slope-missing", "rnn-W-h-not-transposed", "rnn-dW-h-assigned"),
    "attention": (
        "attention-softmax-elementwise", "attention-softmax-sum-dropped", "attention-dv-missing",
        "attention-dot-dq-unscaled", "attention-dv-reshaped",
    ),
    "model": (
        "lstm-dc-next-dropped", "lstm-o-slope-missing", "attention-softmax-elementwise", "attention-dv-missing",
    ),
}  # fmt: skip
MOST = 25_000  # numbers of a trace that leave room for its mistakes in one page


def telling(trace):
    """List the mistakes that a page of this run has room for.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    tuple of str
        Ids; none for a large run.
    """
    small = sum(one.size for one in trace.arrays) <= MOST
    return TELLING[trace.op] if small and trace.op in (*OPS, "model") else ()
