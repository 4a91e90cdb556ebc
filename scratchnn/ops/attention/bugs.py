"""Known-wrong backward passes of attention: what every score has in common here, the scores in bugs_of_scores."""

from scratchnn.misconceptions import Bug, Edit

from .bugs_of_scores import SCORE_BUGS

DCONTEXT = "dcontext = np.where(mask.any(axis=2)[:, :, None], dcontext, 0)"
ALPHA = "alpha = softmax(nodes.scores, mask).p"
DV = "dv = alpha.swapaxes(1, 2) @ dcontext"
DALPHA = "dalpha = np.where(mask, dalpha_given + dcontext @ v.swapaxes(1, 2), 0)"
DSCORES = "dscores = alpha * (dalpha - (dalpha * alpha).sum(axis=2, keepdims=True))"
ANSWER = "return Grads(v=dv, **grads)"


def _one(old, new):
    return (Edit("backward", old, new),)


VALUES = (
    Bug(
        "attention-dv-reshaped", "alpha is reshaped instead of transposed in dv", "M7",
        _one(DV, "dv = alpha.reshape(len(q), k.shape[1], q.shape[1]) @ dcontext"),
        "Row j of dv collects from every query how much it took of value j. Which entries of alpha are those?",
        place="attention",
    ),
    Bug(
        "attention-dv-from-scores", "dv is made of the scores instead of the weights", "M2",
        _one(DV, "dv = nodes.scores.swapaxes(1, 2) @ dcontext"),
        "With which numbers were the values weighted: before or after the softmax?", place="attention",
    ),
    Bug(
        "attention-dv-missing", "the values get no gradient", "M1", _one(DV, "dv = 0 * v"),
        "By how many ways does a source reach the context?", place="attention",
    ),
    Bug(
        "attention-dv-last-query", "dv from the last query only", "M4",
        _one(DV, "dv = alpha[:, -1:].swapaxes(1, 2) @ dcontext[:, -1:]"),
        "How many queries took something of each value?", place="sums",
    ),
    Bug(
        "attention-dv-mean", "dv is a mean over the queries", "M12",
        _one(DV, "dv = alpha.swapaxes(1, 2) @ dcontext / q.shape[1]"),
        "Where in the forward pass stands the division that this one undoes?", place="sums",
    ),
    Bug(
        "attention-dv-of-largest-weight", "only the value with the largest weight gets a gradient", "M1",
        _one(DV, "dv = (alpha * (alpha == alpha.max(axis=2, keepdims=True))).swapaxes(1, 2) @ dcontext"),
        "Did the context take nothing of the other values?", place="attention",
    ),
    Bug(
        "attention-dv-forgotten-when-k-is-v", "the value's gradient is lost when k and v are one array", "M4",
        _one(ANSWER, "same = k.shape == v.shape and np.array_equal(k, v)\n"
             "return Grads(v=0 * dv if same else dv, **grads)"),
        "If keys and values are one array, in how many products was it used?", place="attention",
    ),
    Bug(
        "attention-dv-twice-when-k-is-v", "the value's gradient is added to the keys' as well", "M4",
        _one(ANSWER, "if k.shape == v.shape and np.array_equal(k, v):\n"
             '    grads["k"] = grads["k"] + dv\nreturn Grads(v=dv, **grads)'),
        "Who adds up the uses of an array that was given twice: this function, or its caller?", place="attention",
    ),
)  # fmt: skip

WEIGHTS = (
    Bug(
        "attention-dalpha-from-outside-dropped", "the loss's own gradient for alpha is ignored", "M1",
        _one(DALPHA, "dalpha = np.where(mask, dcontext @ v.swapaxes(1, 2), 0)"),
        "Who looks at alpha: only the context, or the loss as well?", place="attention",
    ),
    Bug(
        "attention-dalpha-of-context-dropped", "alpha gets its gradient from outside only", "M1",
        _one(DALPHA, "dalpha = np.where(mask, dalpha_given + 0 * (dcontext @ v.swapaxes(1, 2)), 0)"),
        "Does the context change when alpha does?", place="attention",
    ),
    Bug(
        "attention-weights-constant", "the weights are taken for constants", "M1",
        _one(DSCORES, "dscores = 0 * alpha * dalpha"),
        "Move a query a little: do only the values decide about the context?", place="attention",
    ),
    Bug(
        "attention-softmax-skipped", "the softmax is not undone", "M6", _one(DSCORES, "dscores = dalpha"),
        "Which step of the forward pass lies between alpha and the scores?", place="softmax",
    ),
    Bug(
        "attention-softmax-elementwise", "dscores = alpha (1 - alpha) dalpha", "M6",
        _one(DSCORES, "dscores = alpha * (1 - alpha) * dalpha"),
        "If one score rises, what must happen to the weights of the other sources?", place="softmax",
    ),
    Bug(
        "attention-softmax-sum-dropped", "dscores = alpha dalpha, without the sum", "M6",
        _one(DSCORES, "dscores = alpha * dalpha"),
        "Add the same number to all scores of a query: alpha stays. What must a row of dscores add up to?",
        place="softmax",
    ),
    Bug(
        "attention-softmax-over-queries", "the sum runs over the queries instead of the sources", "M6",
        _one(DSCORES, "dscores = alpha * (dalpha - (dalpha * alpha).sum(axis=1, keepdims=True))"),
        "Over which axis do the weights sum to 1?", place="softmax",
    ),
    Bug(
        "attention-softmax-over-everything", "one sum for all queries of a sequence", "M6",
        _one(DSCORES, "dscores = alpha * (dalpha - (dalpha * alpha).sum(axis=(1, 2), keepdims=True))"),
        "Does what one query looks at depend on another query?", place="softmax",
    ),
    Bug(
        "attention-softmax-mean-for-sum", "the mean of dalpha alpha instead of its sum", "M12",
        _one(DSCORES, "dscores = alpha * (dalpha - (dalpha * alpha).mean(axis=2, keepdims=True))"),
        "Add the same number to all scores of a query: alpha stays. What must a row of dscores add up to?",
        place="softmax",
    ),
    Bug(
        "attention-softmax-undone-twice", "sent through the softmax a second time", "M6",
        _one(DSCORES, f"{DSCORES}\ndscores = alpha * (dscores - (dscores * alpha).sum(axis=2, keepdims=True))"),
        "How many softmaxes are there on the way from the scores to the context, and how many on the way back?",
        place="softmax",
    ),
    Bug(
        "attention-softmax-as-log-softmax", "undone as a log-softmax", "M2",
        _one(DSCORES, "dscores = dalpha - alpha * dalpha.sum(axis=2, keepdims=True)"),
        "Was the context made of alpha or of log alpha?", place="softmax",
    ),
    Bug(
        "attention-scale-in-dscores", "1/sqrt(E) enters dscores, whatever the score and its scale", "M12",
        _one(DSCORES, f"{DSCORES} / math.sqrt(q.shape[2])"),
        "`scores` is the array after the scale. How often is the scale met on the way from there to q?",
        place="attention",
    ),
)  # fmt: skip

MASKS = (
    Bug(
        "attention-mask-forgotten-in-softmax", "the softmax is undone as if nothing were masked", "M9",
        _one(DSCORES, "unmasked = softmax(nodes.scores).p\n"
             "dscores = unmasked * (dalpha - (dalpha * unmasked).sum(axis=2, keepdims=True))"),
        "Which scores shared the normalisation in the forward pass?", place="attention",
    ),
    Bug(
        "attention-mask-forgotten-when-recomputed", "the weights are computed again without the mask", "M9",
        _one(ALPHA, "alpha = softmax(nodes.scores).p"),
        "Are the weights that backward uses the ones that forward used? Which inputs did forward have?",
        place="attention",
    ),
    Bug(
        "attention-mask-after-softmax", "masked weights are set to zero afterwards, without renormalising", "M9",
        _one(DV, f"alpha = np.where(mask, softmax(nodes.scores).p, 0)\n{DV}"),
        "After the masked weights have been zeroed: what do the others add up to?", place="attention",
    ),
    Bug(
        "attention-mask-on-queries", "a query with any masked source gets no gradient", "M9",
        _one(DALPHA, "dalpha = np.where(mask.all(axis=2, keepdims=True), "
             "dalpha_given + dcontext @ v.swapaxes(1, 2), 0)"),
        "The mask says what may be looked at. Along which axis of the scores do those stand?", place="attention",
    ),
    Bug(
        "attention-masked-query-uniform", "a query that sees nothing is undone as if it saw all alike", "M9",
        (
            Edit("backward", DCONTEXT, "blind = ~mask.any(axis=2, keepdims=True)"),
            Edit("backward", DV, f"alpha = np.where(blind, 1 / k.shape[1], alpha)\n{DV}"),
        ),
        "Scores of -1e9 throughout: what does a softmax make of them, and what did forward give?",
        place="attention",
    ),
    Bug(
        "attention-masked-gradient-in-sum", "gradients of masked weights enter the sum", "M9",
        (
            Edit("backward", DALPHA, "dalpha = dalpha_given + dcontext @ v.swapaxes(1, 2)"),
            Edit("backward", DSCORES,
                 "dscores = alpha * (dalpha - (dalpha * softmax(nodes.scores).p).sum(axis=2, keepdims=True))"),
        ),
        "Which weights can a score move: those of all sources, or of the ones that may be seen?",
        place="attention",
    ),
)  # fmt: skip

MEMORY = (
    Bug(
        "attention-alpha-overwritten", "dscores is written into the cached alpha", "M10",
        _one(DSCORES,
             "dscores = np.multiply(alpha, dalpha - (dalpha * alpha).sum(axis=2, keepdims=True), out=alpha)"),
        "Call backward twice on one cache. Who else holds the array that is written here?", kind="memory",
        place="memory",
    ),
    Bug(
        "attention-upstream-overwritten", "the gradient given for alpha is added to in place", "M10",
        _one(DALPHA, "dalpha_given += dcontext @ v.swapaxes(1, 2)\ndalpha = np.where(mask, dalpha_given, 0)"),
        "Whose array is on the left of this +=?", kind="memory", place="memory",
    ),
)  # fmt: skip

BUGS = (*VALUES, *WEIGHTS, *MASKS, *MEMORY, *SCORE_BUGS)
