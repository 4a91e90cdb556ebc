"""Known-wrong backward passes of softmax and log-softmax."""

from scratchnn.misconceptions import Bug, Edit

SOFTMAX = "dz = p * (dp - (dp * p).sum(axis=-1, keepdims=True))"
LOG_SOFTMAX = "dz = dlog_p - np.exp(log_p) * dlog_p.sum(axis=-1, keepdims=True)"
LOG_UPSTREAM = 'dlog_p = _upstream("softmax.log_backward", "dlog_p", dlog_p, cache.log_p, cache.mask)'


def _softmax(new):
    return (Edit("backward", SOFTMAX, new),)


def _log(new):
    return (Edit("log_backward", LOG_SOFTMAX, new),)


BUGS = (
    Bug(
        "softmax-elementwise", "dz = p (1 - p) dp", "M6", _softmax("dz = p * (1 - p) * dp"),
        "If one logit rises, what must happen to the probabilities of the other classes?", place="softmax",
    ),
    Bug(
        "softmax-sum-dropped", "dz = p dp, without the sum", "M6", _softmax("dz = p * dp"),
        "Add the same number to every logit of a row: p does not change. What must the entries of dz add up to?",
        place="softmax",
    ),
    Bug(
        "softmax-sum-over-batch", "the sum runs over the batch instead of the classes", "M6",
        _softmax("dz = p * (dp - (dp * p).sum(axis=0, keepdims=True))"),
        "Over which axis do the entries of p sum to 1, and does row 0 of dz know anything of row 1?", place="softmax",
    ),
    Bug(
        "softmax-sum-over-everything", "one sum for the whole batch", "M6",
        _softmax("dz = p * (dp - (dp * p).sum())"),
        "How many numbers are taken from dp here, and how many normalisations did the forward pass do?",
        place="softmax",
    ),
    Bug(
        "softmax-mean-for-sum", "the mean of dp p instead of its sum", "M12",
        _softmax("dz = p * (dp - (dp * p).mean(axis=-1, keepdims=True))"),
        "Try it with twice as many classes: what part of the term for the other logits is left?", place="softmax",
    ),
    Bug(
        "softmax-sum-unweighted", "the sum is of dp, not of dp p", "M6",
        _softmax("dz = p * (dp - dp.sum(axis=-1, keepdims=True))"),
        "By how much does logit j move probability k? Which of the two stands in the sum over k?",
        place="softmax",
    ),
    Bug(
        "softmax-outer-p-dropped", "dz = dp - sum(dp p), without p in front", "M6",
        _softmax("dz = dp - (dp * p).sum(axis=-1, keepdims=True)"),
        "A logit whose probability is nearly 0: how far can moving it change the output?", place="softmax",
    ),
    Bug(
        "softmax-sign-of-sum", "the sum is added instead of taken away", "M6",
        _softmax("dz = p * (dp + (dp * p).sum(axis=-1, keepdims=True))"),
        "If all dp of a row are equal, raising any logit gains nothing. Does this line say so?", place="softmax",
    ),
    Bug(
        "softmax-as-log-softmax", "undone as a log-softmax", "M2",
        _softmax("dz = dp - p * dp.sum(axis=-1, keepdims=True)"),
        "Is what came in the gradient of p or of log p?", place="softmax",
    ),
    Bug(
        "softmax-undone-twice", "sent through the softmax a second time", "M6",
        _softmax(f"{SOFTMAX}\ndz = p * (dz - (dz * p).sum(axis=-1, keepdims=True))"),
        "How many softmaxes are there on the way from z to the loss, and how many on the way back?", place="softmax",
    ),
    Bug(
        "softmax-p-overwritten", "dz is written into the cached p", "M10",
        _softmax("dz = np.multiply(p, dp - (dp * p).sum(axis=-1, keepdims=True), out=p)"),
        "Call backward twice on one cache. Who else holds the array that is written here?", kind="memory",
        place="memory",
    ),
    Bug(
        "softmax-log-sum-dropped", "log-softmax: dz = dlog_p", "M6", _log("dz = dlog_p"),
        "log p = z - log(sum(exp(z))): which of the two places where z stands is undone here?", place="softmax",
    ),
    Bug(
        "softmax-log-elementwise", "log-softmax: dz = dlog_p (1 - p)", "M6",
        _log("dz = dlog_p * (1 - np.exp(log_p))"),
        "Does the log-probability of one class depend on the other logits?", place="softmax",
    ),
    Bug(
        "softmax-log-as-softmax", "log-softmax: undone as a softmax", "M2",
        _log("dz = np.exp(log_p) * (dlog_p - (dlog_p * np.exp(log_p)).sum(axis=-1, keepdims=True))"),
        "Is what came in the gradient of p or of log p?", place="softmax",
    ),
    Bug(
        "softmax-log-sum-over-batch", "log-softmax: the sum runs over the batch instead of the classes", "M6",
        _log("dz = dlog_p - np.exp(log_p) * dlog_p.sum(axis=0, keepdims=True)"),
        "Which entries share one log(sum(exp(z)))?", place="softmax",
    ),
    Bug(
        "softmax-log-not-exponentiated", "log-softmax: log p stands where p belongs", "M2",
        _log("dz = dlog_p - np.where(cache.mask, log_p, 0) * dlog_p.sum(axis=-1, keepdims=True)"),
        "What is the derivative of log(sum(exp(z))), and can it be negative?", place="softmax",
    ),
    Bug(
        "softmax-log-not-normalised", "log-softmax: exp(z) stands where p belongs", "M6",
        _log("dz = dlog_p - np.exp(cache.z) * dlog_p.sum(axis=-1, keepdims=True)"),
        "What is the derivative of log(sum(exp(z))), and what do its entries add up to?", place="softmax",
    ),
    Bug(
        "softmax-log-mean-for-sum", "log-softmax: the mean of dlog_p instead of its sum", "M12",
        _log("dz = dlog_p - np.exp(log_p) * dlog_p.mean(axis=-1, keepdims=True)"),
        "log(sum(exp(z))) was taken from each of the C outputs. How many gradients come back to it?", place="sums",
    ),
    Bug(
        "softmax-log-mask-forgotten", "log-softmax: what comes in at masked places is let through", "M9",
        (Edit("log_backward", LOG_UPSTREAM, "dlog_p = np.asarray(dlog_p)"),),
        "A masked logit was never read. Can the loss depend on it, whatever gradient its output is given?",
        place="softmax",
    ),
    Bug(
        "softmax-log-sum-over-masked", "log-softmax: masked gradients enter the sum, only dz is masked", "M9",
        (
            Edit("log_backward", LOG_UPSTREAM, "dlog_p = np.asarray(dlog_p)"),
            Edit("log_backward", LOG_SOFTMAX,
                 "dz = np.where(cache.mask, dlog_p - np.exp(log_p) * dlog_p.sum(axis=-1, keepdims=True), 0)"),
        ),
        "Was log(sum(exp(z))) taken from the masked outputs too?", place="softmax",
    ),
)  # fmt: skip
