"""Parsons: backward through time."""

from ..cutting import Piece
from ..kinds.parsons import Parsons

EXERCISE = Parsons(
    number="45",
    name="rnn_time",
    title="An RNN, backward through time",
    op="rnn",
    task="""
        The loop that undoes a whole sequence, cut into lines and shuffled. step_backward is the one of the exercise
        before. Where mask is False a step was padding: forward held the state there, h_t = h_prev.
    """,
    pieces=(
        Piece(
            "backward",
            cut_from="dh_next = ",
            goals={
                1: "what does the last step get from the step after it?",
                2: "which step has to be undone first?",
                3: "h_t has two readers: the loss at t, and step t+1. What does dh_t hold?",
                4: "W_x, W_h and b were used at every step. What does a gradient do with its uses?",
                5: "over padding h_t = h_prev. What is handed on there?",
            },
        ),
    ),
    form="rnn.tanh",
    padded="rnn.masked",
    arrays=("x", "h0", "W_x", "W_h", "b"),
    also=(("rnn", "Grads, Step, step_backward"),),
    distractors=(
        "rnn-dh-upstream-only", "rnn-loop-forward", "rnn-dW-h-with-h-t", "rnn-dW-x-assigned", "rnn-db-mean",
        "rnn-carry-not-held", "rnn-dh0-zero",
    ),
    common="rnn-dh-upstream-only",
)  # fmt: skip
