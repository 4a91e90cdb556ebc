"""Predict: what reaches the parts of a name classifier."""

import numpy as np

from ..kinds.predict import Predict, Question


def _embedding(module):
    params = module.Params(np.zeros((6, 1)))
    cache = module.forward(np.array([[4], [1], [4], [4]]), params)
    dy = np.array([0.5, 2.0, 1.0, -0.25]).reshape(4, 1, 1)
    return float(module.backward(dy, cache, params).W[4, 0])


def _loss(module):
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.2, 0.6, 0.2]]))
    cache = module.forward(logits, np.array([0, 2]))
    return float(module.backward(cache).logits[0, 0])


def _attention(module):
    q, k, v = np.zeros((1, 1, 1)), np.array([[[1.0], [2.0], [3.0]]]), np.array([[[4.0], [0.0], [2.0]]])
    cache = module.forward(q, k, v, score="dot")
    return float(module.backward(np.ones((1, 1, 1)), cache).q[0, 0, 0])


EXERCISE = Predict(
    number="70",
    name="names",
    title="A name classifier: what reaches its parts?",
    op="embedding",
    task="""
        Three small questions about the parts of the model of chapter 70. Each has a wrong answer that is easy to
        give; if you give it, you will hear why people do.
    """,
    questions=(
        Question(
            "embedding_row",
            "embedding",
            "A name is spelled 4 1 4 4 (numbers of letters; embedding of width 1). The gradients that arrive at its\n"
            "four letters are 0.5, 2.0, 1.0 and -0.25. What is the gradient of row 4 of the embedding matrix?",
            _embedding,
            ("embedding-repeated-ids", "embedding-mean-of-repeats", "embedding-ids-off-by-one"),
            "row 4 was read at three places. What does a gradient do with several uses of one thing?",
        ),
        Question(
            "logit",
            "cross_entropy",
            "Two names, three classes, loss = mean over the two of -log p[target]. For the first name\n"
            "p = (0.5, 0.25, 0.25) and the target is class 0. What is the gradient of its logit of class 0?",
            _loss,
            (
                "cross-entropy-never-divided", "cross-entropy-sign", "cross-entropy-softmax-twice",
                "cross-entropy-divided-twice",
            ),
            "for one name it is p minus the target's one-hot row. What was done to it on the way to the loss?",
        ),
        Question(
            "query",
            "attention",
            "One query q = 0 looks at keys 1, 2, 3 with the plain dot product, so all three weights are 1/3. The\n"
            "values are 4, 0, 2 and the loss is the context itself. What is the gradient of q?",
            _attention,
            (
                "attention-softmax-sum-dropped", "attention-softmax-elementwise", "attention-softmax-skipped",
                "attention-weights-constant", "attention-softmax-over-queries",
            ),
            "the context is a sum of weights times values. If q grows a little, which weights rise, and which fall?",
        ),
    ),
)  # fmt: skip
