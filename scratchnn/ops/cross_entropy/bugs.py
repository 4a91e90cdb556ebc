"""Known-wrong backward passes of cross-entropy."""

from scratchnn.misconceptions import Bug, Edit

DLOSSES = "dlosses = given / cache.divisor"
DLOGITS = "dlogits = dlosses[..., None] * (np.exp(cache.log_p) * y.sum(axis=-1, keepdims=True) - y)"
GIVEN = "given = np.where(cache.mask, np.asarray(dloss, dtype=np.result_type(dloss, cache.losses)), 0)"
Y = "y = cache.y"


def _dlosses(new):
    return (Edit("backward", DLOSSES, new),)


def _dlogits(new):
    return (Edit("backward", DLOGITS, new),)


BUGS = (
    Bug(
        "cross-entropy-softmax-twice", "p - y is sent through the softmax again", "M6",
        _dlogits(f"{DLOGITS}\np = np.exp(cache.log_p)\n"
                 "dlogits = p * (dlogits - (dlogits * p).sum(axis=-1, keepdims=True))"),
        "p - y is the gradient of which array: of the probabilities, or of what went into the softmax?",
        place="softmax",
    ),
    Bug(
        "cross-entropy-softmax-never", "-y / p: the gradient of p is handed on as that of the logits", "M2",
        _dlogits("dlogits = -dlosses[..., None] * y / np.exp(cache.log_p)"),
        "The loss contains log p_target. What lies between p_target and the logits?", place="softmax",
    ),
    Bug(
        "cross-entropy-target-only", "only the target's logit gets a gradient", "M6",
        _dlogits(f"{DLOGITS}\ndlogits = np.where(y > 0, dlogits, 0)"),
        "The loss reads one probability only. Does raising another class's logit leave that one as it is?",
        place="softmax",
    ),
    Bug(
        "cross-entropy-log-p-for-p", "log p - y", "M2",
        _dlogits("dlogits = dlosses[..., None] * (cache.log_p * y.sum(axis=-1, keepdims=True) - y)"),
        "What should the gradient of the logits be when the model is certain and right?", place="softmax",
    ),
    Bug(
        "cross-entropy-sign", "y - p", "M8",
        _dlogits("dlogits = dlosses[..., None] * (y - np.exp(cache.log_p) * y.sum(axis=-1, keepdims=True))"),
        "Raise the target's logit a little: does the loss go up or down?", place="softmax",
    ),
    Bug(
        "cross-entropy-divided-twice", "divided by the number of targets twice", "M12",
        _dlosses("dlosses = given / cache.divisor**2"),
        "How many divisions did the forward pass do? Does the gradient per target change if the batch doubles?",
        place="sums",
    ),
    Bug(
        "cross-entropy-never-divided", "not divided although the loss is a mean", "M12",
        _dlosses("dlosses = given"),
        "Copy every row of the batch once more: the mean loss stays. What becomes of the gradient of W?",
        place="sums",
    ),
    Bug(
        "cross-entropy-always-divided", "divided by the number of targets although the loss is a sum", "M12",
        _dlosses("dlosses = given / cache.mask.sum()"),
        "Which reduction did the forward pass use, and does this line ask for it?", place="sums",
    ),
    Bug(
        "cross-entropy-ignored-counted", "ignored targets are counted in the mean", "M12",
        _dlosses("dlosses = given / cache.divisor * cache.mask.sum() / cache.mask.size"),
        "Add a row whose target is ignored: the loss stays. What does this line do to the other rows?",
        place="sums",
    ),
    Bug(
        "cross-entropy-weights-not-in-mean", "divided by the number of targets, not by their summed weights", "M12",
        _dlosses("dlosses = given / (cache.mask.sum() if np.isfinite(cache.divisor) and cache.reduction == 'mean' "
                 "else cache.divisor)"),
        "Double all class weights: what happens to the loss, and what to this gradient?", place="sums",
    ),
    Bug(
        "cross-entropy-divided-by-classes", "divided by C as well, as for a mean over all entries", "M12",
        _dlogits(f"{DLOGITS} / y.shape[-1]"),
        "How many losses does one row of logits have: one, or one for each class?", place="sums",
    ),
    Bug(
        "cross-entropy-upstream-ignored", "dloss is taken to be 1", "M12",
        (Edit("backward", GIVEN, "given = np.where(cache.mask, np.ones_like(cache.losses), 0)"),),
        "Use 0.3 times this loss as a part of a larger one. Where does the 0.3 enter?", place="sums",
    ),
    Bug(
        "cross-entropy-smoothing-forgotten", "the share that smoothing gave to the other classes is left out", "M8",
        (Edit("backward", Y, "y = cache.y * (np.arange(cache.y.shape[-1]) == cache.targets[..., None])"),),
        "With label smoothing, how many entries of the target y are not 0?", place="softmax",
    ),
    Bug(
        "cross-entropy-plain-p-minus-y", "p - y although class weights make y sum to something else", "M8",
        _dlogits("dlogits = dlosses[..., None] * (np.exp(cache.log_p) - y)"),
        "Which property of the one-hot target turned p sum(y) - y into p - y?", place="softmax",
    ),
    Bug(
        "cross-entropy-padding-pulled", "p - y also where nothing counts", "M9",
        (
            Edit("backward", GIVEN, "given = np.asarray(dloss, dtype=np.result_type(dloss, cache.losses))"),
            Edit("backward", DLOGITS, "dlogits = dlosses[..., None] * (np.exp(cache.log_p) - y)"),
        ),
        "Setting y to zero at padding: does it make p - y zero there?", place="softmax",
    ),
    Bug(
        "cross-entropy-y-summed-over-rows", "y is summed over the wrong axis", "M7",
        _dlogits("dlogits = dlosses[..., None] * (np.exp(cache.log_p) * y.sum(axis=0, keepdims=True) - y)"),
        "What do the entries of one row of dlogits add up to when a constant on all its logits changes nothing?",
        place="softmax",
    ),
    Bug(
        "cross-entropy-log-p-overwritten", "the cached log p is turned into p in place", "M10",
        _dlogits("dlogits = dlosses[..., None] * (np.exp(cache.log_p, out=cache.log_p) "
                 "* y.sum(axis=-1, keepdims=True) - y)"),
        "Call backward twice on one cache. What does log_p hold the second time?", kind="memory", place="memory",
    ),
    Bug(
        "cross-entropy-upstream-overwritten", "the gradient given from outside is divided in place", "M10",
        (
            Edit("backward", GIVEN, "given = np.asarray(dloss, dtype=np.result_type(dloss, cache.losses))"),
            Edit("backward", DLOSSES, "given /= cache.divisor\ndlosses = np.where(cache.mask, given, 0)"),
        ),
        "Whose array is `given` when dloss already has the right dtype?", kind="memory", place="memory",
    ),
)  # fmt: skip
