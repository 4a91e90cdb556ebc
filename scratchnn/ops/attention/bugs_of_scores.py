"""Known-wrong ways to undo the scores: dot, general, additive."""

from scratchnn.misconceptions import Bug, Edit

DOT, GENERAL, ADDITIVE = "dot_scores_backward", "general_scores_backward", "additive_scores_backward"
DOT_DQ = "dq = scale * (dscores @ k)"
DOT_DK = "dk = scale * (dscores.swapaxes(1, 2) @ q)"
DQ_A = "dq_a = scale * (dscores @ k)"
GENERAL_DK = "dk = scale * (dscores.swapaxes(1, 2) @ q_a)"
GENERAL_DQ = "dq = dq_a @ W_a.T"
DW_A = "dW_a = np.tensordot(q, dq_a, axes=((0, 1), (0, 1)))"
DV_A = "dv_a = scale * np.tensordot(dscores, hidden, axes=3)"
DHIDDEN = "dhidden = scale * dscores[:, :, :, None] * v_a"
DA = "da = dhidden * tanh_slope(hidden)"
DA_Q, DA_K = "da_q = da.sum(axis=2)", "da_k = da.sum(axis=1)"
DW_Q = "dW_q = np.tensordot(q, da_q, axes=((0, 1), (0, 1)))"
DW_K = "dW_k = np.tensordot(k, da_k, axes=((0, 1), (0, 1)))"


def _one(function, old, new):
    return (Edit(function, old, new),)


DOT_BUGS = (
    Bug(
        "attention-dot-dq-dk-swapped", "dot: dq and dk are handed back in each other's place", "M7",
        _one(DOT, 'return {"q": dq, "k": dk}', 'return {"q": dk, "k": dq}'),
        "How many queries are there, how many keys, and how many rows has each gradient?", place="attention",
    ),
    Bug(
        "attention-dot-dq-unscaled", "dot: dq without 1/sqrt(E)", "M12", _one(DOT, DOT_DQ, "dq = dscores @ k"),
        "The scores were multiplied by a constant on the way forward. Where do you meet it on the way to q?",
        place="attention",
    ),
    Bug(
        "attention-dot-dk-unscaled", "dot: dk without 1/sqrt(E)", "M12",
        _one(DOT, DOT_DK, "dk = dscores.swapaxes(1, 2) @ q"),
        "The scores were multiplied by a constant on the way forward. Where do you meet it on the way to k?",
        place="attention",
    ),
    Bug(
        "attention-dot-unscaled", "dot: neither dq nor dk is scaled", "M12",
        (Edit(DOT, DOT_DQ, "dq = dscores @ k"), Edit(DOT, DOT_DK, "dk = dscores.swapaxes(1, 2) @ q")),
        "Make E four times as large: how do the scores change, and how do these gradients?", place="attention",
    ),
    Bug(
        "attention-dot-scaled-twice", "dot: dq and dk are scaled twice", "M12",
        (
            Edit(DOT, DOT_DQ, "dq = scale**2 * (dscores @ k)"),
            Edit(DOT, DOT_DK, "dk = scale**2 * (dscores.swapaxes(1, 2) @ q)"),
        ),
        "How often was the constant applied on the way from q and k to the scores?", place="attention",
    ),
    Bug(
        "attention-dot-scale-of-wrong-width", "dot: scaled by the square root of the number of keys", "M12",
        (
            Edit(DOT, DOT_DQ, "dq = dscores @ k / math.sqrt(k.shape[1])"),
            Edit(DOT, DOT_DK, "dk = dscores.swapaxes(1, 2) @ q / math.sqrt(k.shape[1])"),
        ),
        "A score is a sum of how many products: which axis of k is that?", place="attention",
    ),
    Bug(
        "attention-dot-dk-reshaped", "dot: dscores is reshaped instead of transposed in dk", "M7",
        _one(DOT, DOT_DK, "dk = scale * (dscores.reshape(len(q), k.shape[1], q.shape[1]) @ q)"),
        "Row j of dk collects from every query what it did with key j. Which entries of dscores are those?",
        place="attention",
    ),
    Bug(
        "attention-dot-dk-last-query", "dot: dk from the last query only", "M4",
        _one(DOT, DOT_DK, "dk = scale * (dscores[:, -1:].swapaxes(1, 2) @ q[:, -1:])"),
        "How many queries looked at each key?", place="sums",
    ),
    Bug(
        "attention-dot-dq-is-q", "dot: dq is made of q instead of k", "M7",
        _one(DOT, DOT_DQ, "dq = scale * dscores.sum(axis=2)[:, :, None] * q"),
        "score = q . k: what is its derivative by q?", place="attention",
    ),
)  # fmt: skip

GENERAL_BUGS = (
    Bug(
        "attention-general-W_a-reshaped", "general: W_a is reshaped instead of transposed in dq", "M7",
        _one(GENERAL, GENERAL_DQ, "dq = dq_a @ W_a.reshape(W_a.shape[::-1])"),
        "Which entries of W_a carried q[0] forward, and which bring its gradient back here?", place="shape",
    ),
    Bug(
        "attention-general-dW_a-reshaped", "general: dW_a is the transposed product, reshaped to fit", "M7",
        _one(GENERAL, DW_A, "dW_a = np.tensordot(dq_a, q, axes=((0, 1), (0, 1))).reshape(W_a.shape)"),
        "W_a[i, j] joins entry i of a query and entry j of a key. Which i and j stand at dW_a[0, 1] here?",
        place="shape",
    ),
    Bug(
        "attention-general-dk-of-raw-query", "general: dk is made of q instead of q W_a", "M7",
        _one(GENERAL, GENERAL_DK, "dk = scale * (dscores.swapaxes(1, 2) @ q)"),
        "With which vector was each key multiplied in the forward pass?", place="attention",
    ),
    Bug(
        "attention-general-dk-reshaped", "general: dscores is reshaped instead of transposed in dk", "M7",
        _one(GENERAL, GENERAL_DK, "dk = scale * (dscores.reshape(len(q), k.shape[1], q.shape[1]) @ q_a)"),
        "Row j of dk collects from every query what it did with key j. Which entries of dscores are those?",
        place="attention",
    ),
    Bug(
        "attention-general-dk-last-query", "general: dk from the last query only", "M4",
        _one(GENERAL, GENERAL_DK, "dk = scale * (dscores[:, -1:].swapaxes(1, 2) @ q_a[:, -1:])"),
        "How many queries looked at each key?", place="sums",
    ),
    Bug(
        "attention-general-dW_a-one-sequence", "general: dW_a from the first sequence of the batch", "M4",
        _one(GENERAL, DW_A, "dW_a = q[0].T @ dq_a[0]"),
        "How many sequences used W_a?", place="sums",
    ),
    Bug(
        "attention-general-dW_a-last-query", "general: dW_a from the last query only", "M4",
        _one(GENERAL, DW_A, "dW_a = q[:, -1].T @ dq_a[:, -1]"),
        "How many queries used W_a?", place="sums",
    ),
    Bug(
        "attention-general-dW_a-mean", "general: dW_a is a mean over the batch", "M12",
        _one(GENERAL, DW_A, "dW_a = np.tensordot(q, dq_a, axes=((0, 1), (0, 1))) / len(q)"),
        "If the loss is a mean, was its division not already in what came in?", place="sums",
    ),
    Bug(
        "attention-general-dW_a-from-dq", "general: dW_a is made after the gradient has passed W_a", "M7",
        _one(GENERAL, DW_A, "dW_a = np.tensordot(q, dq @ W_a, axes=((0, 1), (0, 1)))"),
        "The gradient of a product's weight takes the gradient of which array: of its input or of its output?",
        place="attention",
    ),
)  # fmt: skip

ADDITIVE_BUGS = (
    Bug(
        "attention-additive-slope-dropped", "additive: tanh' is missing", "M2", _one(ADDITIVE, DA, "da = dhidden"),
        "What lies between the sum of the two projections and `hidden`?", place="gate",
    ),
    Bug(
        "attention-additive-slope-twice", "additive: tanh' is taken of the activated value", "M2",
        _one(ADDITIVE, DA, "da = dhidden * tanh_slope(np.tanh(hidden))"),
        "Does `hidden` still need the tanh, or has it been through it?", place="gate",
    ),
    Bug(
        "attention-additive-slope-of-scores", "additive: tanh' is taken of the scores", "M2",
        _one(ADDITIVE, DA, "da = dhidden * tanh_slope(hidden @ v_a)[:, :, :, None]"),
        "Of which array was the tanh taken: of one number for a pair, or of A numbers?", place="gate",
    ),
    Bug(
        "attention-additive-slope-not-squared", "additive: 1 - hidden instead of 1 - hidden**2", "M2",
        _one(ADDITIVE, DA, "da = dhidden * (1 - hidden)"),
        "tanh is odd. Must its slope be the same at a and at -a?", place="gate",
    ),
    Bug(
        "attention-additive-v_a-dropped", "additive: dhidden without v_a", "M1",
        _one(ADDITIVE, DHIDDEN, "dhidden = scale * dscores[:, :, :, None] * np.ones_like(v_a)"),
        "If v_a[3] = 0, can hidden[..., 3] move the score?", place="gate",
    ),
    Bug(
        "attention-additive-dv_a-last-query", "additive: dv_a from the last query only", "M4",
        _one(ADDITIVE, DV_A, "dv_a = scale * np.tensordot(dscores[:, -1], hidden[:, -1], axes=2)"),
        "For how many pairs of query and key was v_a used?", place="sums",
    ),
    Bug(
        "attention-additive-dv_a-last-source", "additive: dv_a from the last source only", "M4",
        _one(ADDITIVE, DV_A, "dv_a = scale * np.tensordot(dscores[:, :, -1], hidden[:, :, -1], axes=2)"),
        "For how many pairs of query and key was v_a used?", place="sums",
    ),
    Bug(
        "attention-additive-dv_a-one-sequence", "additive: dv_a from the first sequence of the batch", "M4",
        _one(ADDITIVE, DV_A, "dv_a = scale * np.tensordot(dscores[0], hidden[0], axes=2)"),
        "How many sequences used v_a?", place="sums",
    ),
    Bug(
        "attention-additive-dv_a-mean", "additive: dv_a is a mean over the pairs", "M12",
        _one(ADDITIVE, DV_A, "dv_a = scale * np.tensordot(dscores, hidden, axes=3) / dscores[0].size"),
        "Where in the forward pass stands the division that this one undoes?", place="sums",
    ),
    Bug(
        "attention-additive-dv_a-before-tanh", "additive: dv_a is made of what went into the tanh", "M2",
        _one(ADDITIVE, DV_A, "dv_a = scale * np.tensordot(dscores, np.arctanh(hidden), axes=3)"),
        "With which array was v_a multiplied: before or after the tanh?", place="gate",
    ),
    Bug(
        "attention-additive-da_q-one-source", "additive: da_q from the last source only", "M5",
        _one(ADDITIVE, DA_Q, "da_q = da[:, :, -1]"),
        "A query's projection was broadcast over the sources. What undoes a broadcast?", place="sums",
    ),
    Bug(
        "attention-additive-da_q-mean", "additive: da_q is a mean over the sources", "M5",
        _one(ADDITIVE, DA_Q, "da_q = da.mean(axis=2)"),
        "A query's projection was broadcast over the sources. What undoes a broadcast?", place="sums",
    ),
    Bug(
        "attention-additive-da_k-one-query", "additive: da_k from the last query only", "M5",
        _one(ADDITIVE, DA_K, "da_k = da[:, -1]"),
        "A key's projection was broadcast over the queries. What undoes a broadcast?", place="sums",
    ),
    Bug(
        "attention-additive-da_k-mean", "additive: da_k is a mean over the queries", "M5",
        _one(ADDITIVE, DA_K, "da_k = da.mean(axis=1)"),
        "A key's projection was broadcast over the queries. What undoes a broadcast?", place="sums",
    ),
    Bug(
        "attention-additive-W_q-reshaped", "additive: W_q is reshaped instead of transposed in dq", "M7",
        _one(ADDITIVE, "dq = da_q @ W_q.T", "dq = da_q @ W_q.reshape(W_q.shape[::-1])"),
        "Which entries of W_q carried q[0] forward, and which bring its gradient back here?", place="shape",
    ),
    Bug(
        "attention-additive-W_k-reshaped", "additive: W_k is reshaped instead of transposed in dk", "M7",
        _one(ADDITIVE, "dk = da_k @ W_k.T", "dk = da_k @ W_k.reshape(W_k.shape[::-1])"),
        "Which entries of W_k carried k[0] forward, and which bring its gradient back here?", place="shape",
    ),
    Bug(
        "attention-additive-dW_q-with-k", "additive: dW_q is made of the keys", "M7",
        _one(ADDITIVE, DW_Q, "dW_q = np.tensordot(k, da_k, axes=((0, 1), (0, 1)))"),
        "Which array was multiplied with W_q in the forward pass?", place="attention",
    ),
    Bug(
        "attention-additive-dW_q-last-query", "additive: dW_q from the last query only", "M4",
        _one(ADDITIVE, DW_Q, "dW_q = q[:, -1].T @ da_q[:, -1]"),
        "How many queries used W_q?", place="sums",
    ),
    Bug(
        "attention-additive-dW_k-reshaped", "additive: dW_k is the transposed product, reshaped to fit", "M7",
        _one(ADDITIVE, DW_K, "dW_k = np.tensordot(da_k, k, axes=((0, 1), (0, 1))).reshape(W_k.shape)"),
        "W_k[i, j] joins entry i of a key and unit j of the hidden layer. Which i and j stand at dW_k[0, 1] here?",
        place="shape",
    ),
    Bug(
        "attention-additive-dW_k-one-sequence", "additive: dW_k from the first sequence of the batch", "M4",
        _one(ADDITIVE, DW_K, "dW_k = k[0].T @ da_k[0]"),
        "How many sequences used W_k?", place="sums",
    ),
)  # fmt: skip

SCORE_BUGS = (*DOT_BUGS, *GENERAL_BUGS, *ADDITIVE_BUGS)
