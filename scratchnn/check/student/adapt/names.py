"""What the names of arguments mean: states, gradients, containers of weights, gates."""

import re

STATES = {  # our argument -> how others call it, small letters without underscores; order of a guess by position
    "lstm": ("x", "h0", "c0"),
    "gru": ("x", "h0"),
    "rnn": ("x", "h0"),
    "attention": ("q", "k", "v"),
    "softmax": ("z",),
    "cross_entropy": ("logits", "targets"),
    "linear": ("x",),
    "embedding": ("ids",),
}
UPSTREAM = {
    "lstm": ("dh", "dc_last"),
    "gru": ("dh",),
    "rnn": ("dh",),
    "attention": ("dcontext", "dalpha"),
    "softmax": ("dp",),
    "cross_entropy": ("dloss",),
    "linear": ("dy",),
    "embedding": ("dy",),
}
SYNONYMS = {
    "x": "x xs input inputs inp seq xseq sequence data features xt embedded inputseq",
    "h0": "h0 h hprev hinit a0 s0 hidden hstart firsth hiddenstate prevh h00 inith initialh start",
    "c0": "c0 c cprev cinit cell cstart firstc cellstate prevc initc initialc memory0",
    "q": "q query queries decoderstate",
    "k": "k key keys encoderstates",
    "v": "v value values",
    "z": "z x logits scores a s inputs input",
    "logits": "logits z scores x a s output outputs inputs input",
    "targets": "targets target y labels label t ids classes ytrue",
    "ids": "ids id idx indices index tokens words x inputs input",
    "dh": "dh dhs dout dy dys dhseq doutputs doutput gradh gradoutput gradoutputs gradout dhout upstream delta dhall "
    "gradhs dhidden douts dhouts da dstates dht dnexth dhnext dat danext dprevh",
    "dc_last": "dclast dc dct dcn dcfinal gradc gradclast dcell dcnext gradcn dcnlast dcend dnextc",
    "dcontext": "dcontext dout dy dctx dc gradcontext gradoutput upstream doutput delta",
    "dalpha": "dalpha dweights dattn gradalpha",
    "dp": "dp dout dy gradoutput upstream doutput dprobs delta grad dlogp",
    "dy": "dy dout gradoutput upstream doutput delta grad grady dyt",
    "dloss": "dloss dl gradloss gradoutput upstream dout grad scale dy",
    "cache": "cache caches tape kept saved ctx memory history steps tapes state trace stored record",
    "params": "params parameters weights p w theta model net wts param",
    "states": "state states hx init initial initstate initialstate hc h0c0",
    "mask": "mask",
    "causal": "causal",
    "score": "score",
    "scale": "scale",
}
WORDS = {name: frozenset(words.split()) for name, words in SYNONYMS.items()}
GATE_WORDS = {
    "lstm": {
        "i": ("i", "in", "input", "ingate", "u", "update", "write"),
        "f": ("f", "forget", "fg", "keep"),
        "g": ("g", "c", "cand", "candidate", "cell", "ctilde", "chat", "cbar", "n", "a", "new", "z", "j", "cc"),
        "o": ("o", "out", "output", "outgate", "read"),
    },
    "gru": {
        "r": ("r", "reset", "rst"),
        "z": ("z", "u", "update", "upd"),
        "n": ("n", "new", "h", "g", "c", "cand", "candidate", "hh", "hhat", "htilde", "a"),
    },
    "rnn": {"": ("",)},
}
WEIGHT = re.compile(r"(w|u|v|r|k|b|e|weight|bias|kernel|recurrent|table|emb|theta|c)", re.IGNORECASE)


def plain(name: str) -> str:
    """Write a name in small letters without underscores.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
    """
    return name.replace("_", "").replace(".", "").lower()


def meant(name: str, wanted) -> str:
    """Say which of our arguments a name means.

    Parameters
    ----------
    name : str
    wanted : iterable of str
        Those that are still looked for.

    Returns
    -------
    str
        Empty if none.
    """
    wanted = tuple(wanted)
    if name in wanted:
        return name
    return next((role for role in wanted if plain(name) in WORDS.get(role, ())), "")


def without_d(name: str) -> str:
    """Take the mark of a gradient off a name: "dW_x", "grad_W_x", "W_x_grad" and "d_W_x" become "wx".

    Parameters
    ----------
    name : str

    Returns
    -------
    str
    """
    text = name.rpartition(".")[2]
    found = re.match(r"^(?:grads?_?|gradient_?|delta_?|d_?|g_)(?=\w)(.+)$", text) or re.match(
        r"^(.+?)_?(?:grad|gradient)$", text
    )
    return plain(found[1] if found else text)


def is_gradient(name: str) -> bool:
    """Whether a name is that of a gradient.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool
    """
    return without_d(name) != plain(name.rpartition(".")[2])


def looks_like_weight(name: str) -> bool:
    """Whether a name may be a parameter's.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool
    """
    return bool(WEIGHT.match(name.rpartition(".")[2].lstrip("_"))) and not is_gradient(name)
