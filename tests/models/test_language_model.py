"""The language model: a head at every step, states carried over chunks, and what truncation leaves out."""

import numpy as np
import pytest

from scratchnn.interop import to_torch
from scratchnn.models import LanguageModel
from scratchnn.probe import complex_step
from scratchnn.training import CrossEntropyLoss, evaluate

V, D, H, B, T = 5, 3, 4, 2, 8
VARIANTS = [
    {"cell": "lstm"},
    {"cell": "lstm", "num_layers": 2, "forget_bias": 1.0},
    {"cell": "gru"},
    {"cell": "gru", "num_layers": 2},
    {"cell": "rnn"},
]
every_variant = pytest.mark.parametrize("options", VARIANTS, ids=lambda o: "-".join(map(str, o.values())))


def make(**options):
    """A model with weights of the size 0.5: with PyTorch's start the state hardly depends on the past."""
    sizes = {"embedding_size": D, "hidden_size": H, "dtype": np.float64, "rng": np.random.default_rng(0)}
    model = LanguageModel(V, **sizes | options)
    rng = np.random.default_rng(1)
    for array in model.params.values():
        array[...] = 0.5 * rng.normal(size=array.shape)
    return model


def text(seed=2):
    ids = np.random.default_rng(seed).integers(0, V, size=(B, T + 1))
    return ids[:, :-1], ids[:, 1:]


def run_chunks(model, inputs, steps, state=None):
    """Logits and caches of a text read in chunks of ``steps``, the state carried on."""
    logits, caches = [], []
    for start in range(0, inputs.shape[1], steps):
        scores, cache = model.forward(inputs[:, start : start + steps], state=state)
        state = model.carry(cache)
        logits.append(scores)
        caches.append(cache)
    return logits, caches


def upstream(model, inputs, targets, steps):
    """Per chunk: its cache, and the gradient of the whole text's mean loss with respect to its logits."""
    logits, caches = run_chunks(model, inputs, steps)
    criterion = CrossEntropyLoss()
    _, scores = criterion.forward(np.concatenate(logits, axis=1), targets)
    cuts = range(steps, inputs.shape[1], steps)
    return list(zip(caches, np.split(criterion.backward(scores), cuts, axis=1), strict=True))


def taken(model):
    found = {name: grad.copy() for name, grad in model.grads.items()}
    model.zero_grad()
    return found


def full(model, inputs, targets):
    ((cache, dlogits),) = upstream(model, inputs, targets, inputs.shape[1])
    model.zero_grad()
    model.backward(dlogits, cache)
    return taken(model)


def truncated(model, inputs, targets, steps):
    model.zero_grad()
    for cache, dlogits in upstream(model, inputs, targets, steps):
        model.backward(dlogits, cache)
    return taken(model)


# Two ways to sum the same terms differ by rounding: gradients are sums of at most B T (H + D) < 500 products, each
# rounded to 2^-53, so by less than 500 * 1.1e-16 = 6e-14 of the largest entry.
ROUNDING = 6e-14


def assert_equal(one, other, bound=ROUNDING):
    assert one.keys() == other.keys()
    for name in one:
        scale = np.abs(other[name]).max()
        assert scale > 0, name
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=bound * scale, err_msg=name)


@every_variant
def test_chunks_with_carried_state_give_the_logits_of_the_whole_text(options):
    model, (inputs, _) = make(**options), text()
    whole, _ = model.forward(inputs)
    assert whole.shape == (B, T, V)
    for steps in (1, 3, T):
        chunks, _ = run_chunks(model, inputs, steps)
        np.testing.assert_allclose(np.concatenate(chunks, axis=1), whole, rtol=0, atol=ROUNDING * np.abs(whole).max())


def test_without_the_carried_state_they_do_not():
    model, (inputs, _) = make(), text()
    whole, _ = model.forward(inputs)
    again, _ = model.forward(inputs[:, 4:])
    assert np.abs(again - whole[:, 4:]).max() > 0.01


def test_a_later_character_changes_no_earlier_logit():
    model, (inputs, _) = make(num_layers=2), text()
    other = inputs.copy()
    other[:, 5] = (other[:, 5] + 1) % V
    one, two = model.forward(inputs)[0], model.forward(other)[0]
    np.testing.assert_array_equal(one[:, :5], two[:, :5])
    assert (one[:, 5:] != two[:, 5:]).any(axis=-1).all()


@every_variant
def test_every_gradient_with_an_incoming_and_an_outgoing_state(options):
    """Complex step on each parameter and on the state that came in; the outgoing state has a gradient too."""
    model, (inputs, targets) = make(**options), text()
    rng = np.random.default_rng(3)
    kinds = 2 if options["cell"] == "lstm" else 1
    shape = (options.get("num_layers", 1), B, H)
    arrays = {f"state {k}": rng.normal(size=shape) for k in range(kinds)} | model.params
    dstate = [rng.normal(size=shape) for _ in range(kinds)]
    criterion = CrossEntropyLoss()

    def run(given):
        model.set_params({name: array for name, array in given.items() if not name.startswith("state")})
        state = tuple(given[f"state {k}"] for k in range(kinds))
        logits, cache = model.forward(inputs[:, :4], state=state if kinds == 2 else state[0])
        loss, scores = criterion.forward(logits, targets[:, :4])
        carried = model.carry(cache)
        carried = carried if kinds == 2 else (carried,)
        return loss + sum((d * s).sum() for d, s in zip(dstate, carried, strict=True)), cache, scores

    _, cache, scores = run(arrays)
    model.zero_grad()
    out = tuple(dstate) if kinds == 2 else dstate[0]
    dstate0 = model.backward(criterion.backward(scores), cache, out, with_state=True)
    found = taken(model) | {f"state {k}": d for k, d in enumerate(dstate0 if kinds == 2 else (dstate0,))}
    assert_equal(found, complex_step(lambda given: run(given)[0], arrays), 1e-10)


@every_variant
def test_one_chunk_over_the_whole_text_is_full_backpropagation(options):
    """Independent: the whole text read one step at a time, the state's gradient sent back over every cut."""
    model, (inputs, targets) = make(**options), text()
    model.zero_grad()
    dstate = None
    for cache, dlogits in reversed(upstream(model, inputs, targets, 1)):
        dstate = model.backward(dlogits, cache, dstate, with_state=True)
    assert_equal(taken(model), full(model, inputs, targets))
    assert_equal(truncated(model, inputs, targets, T), full(model, inputs, targets), 0)


@every_variant
def test_a_cut_leaves_out_exactly_what_later_losses_say_about_earlier_chunks(options):
    """Independent, by the complex step: the loss of chunk k as a function of the weights used in chunks before k.

    Weights before the cut and weights after it are two sets of variables with equal values here. The full gradient
    is the sum of both partial derivatives; the truncated one lacks the first.
    """
    model, (inputs, targets), steps = make(**options), text(), 3
    params = dict(model.params)
    criterion = CrossEntropyLoss(reduction="sum")

    def later_losses(before, name):
        """Sum over the chunks k of the loss of k, where weight ``name`` is ``before`` in the chunks ahead of k."""
        total = 0
        for start in range(steps, T, steps):
            model.set_params({name: before})
            _, cache = model.forward(inputs[:, :start])
            model.set_params({name: params[name]})
            part = slice(start, start + steps)
            logits, _ = model.forward(inputs[:, part], state=model.carry(cache))
            total = total + criterion.forward(logits, targets[:, part])[0]
        return total / targets.size

    whole, cut = full(model, inputs, targets), truncated(model, inputs, targets, steps)
    for name, array in params.items():
        if name.startswith("linear"):  # the head acts after the state: nothing of it is cut
            missing = 0
        else:
            missing = complex_step(lambda given, name=name: later_losses(given["W"], name), {"W": array})["W"]
            assert np.abs(missing).max() > 1e-3 * np.abs(whole[name]).max(), name
        bound = ROUNDING * np.abs(whole[name]).max()
        np.testing.assert_allclose(whole[name] - cut[name], missing, rtol=0, atol=bound, err_msg=name)


def test_no_gradient_passes_the_cut_by_itself():
    """What later chunks do changes nothing in the gradient of an earlier one."""
    model, (inputs, targets) = make(), text()
    (first, dlogits), *_ = upstream(model, inputs, targets, 4)
    model.zero_grad()
    model.backward(dlogits, first)
    before = taken(model)
    other = targets.copy()
    other[:, 4:] = (other[:, 4:] + 1) % V
    (first, dlogits), *rest = upstream(model, inputs, other, 4)
    for cache, later in rest:
        model.backward(later, cache)
    model.zero_grad()
    model.backward(dlogits, first)
    assert_equal(taken(model), before, 0)


def test_padding_at_the_end_of_a_row_holds_its_state_and_takes_no_gradient():
    model, (inputs, _) = make(), text()
    lengths = np.array([4, 2])
    logits, cache = model.forward(inputs[:, :4], lengths)
    alone, short = model.forward(inputs[1:, :2])
    np.testing.assert_array_equal(logits[1, 2:], np.broadcast_to(model.params["linear.b"], (2, V)))
    np.testing.assert_allclose(logits[1, :2], alone[0], rtol=0, atol=ROUNDING * np.abs(alone).max())
    for kept, expected in zip(model.carry(cache), model.carry(short), strict=True):
        np.testing.assert_allclose(kept[:, 1:], expected, rtol=0, atol=ROUNDING)
    dlogits = np.zeros_like(logits)
    dlogits[1, 2:] = 1
    model.zero_grad()
    model.backward(dlogits, cache)
    assert not any(grad.any() for name, grad in model.grads.items() if not name.startswith("linear.b"))


def test_dropout_is_drawn_in_training_only_and_undone_with_the_same_mask():
    model, (inputs, targets) = make(num_layers=2, input_dropout=0.3, dropout=0.4), text()
    plain = model.forward(inputs)[0]
    np.testing.assert_array_equal(plain, model.forward(inputs)[0])
    params, criterion = dict(model.params), CrossEntropyLoss()

    def run(given):
        model.set_params(given)
        logits, cache = model.forward(inputs, rng=np.random.default_rng(5))
        return *criterion.forward(logits, targets), cache

    _, scores, cache = run(params)
    model.zero_grad()
    model.backward(criterion.backward(scores), cache)
    found = taken(model)
    assert np.abs(model.forward(inputs, rng=np.random.default_rng(5))[0] - plain).max() > 0.1
    assert_equal(found, complex_step(lambda given: run(given)[0], params), 1e-10)


def test_evaluate_carries_the_state_over_the_batches():
    from scratchnn.data import StreamBatches

    model = make()
    ids = np.random.default_rng(4).integers(0, V, size=40)
    one = evaluate(model, CrossEntropyLoss(), StreamBatches(ids, 1, 39))
    chunks = evaluate(model, CrossEntropyLoss(), StreamBatches(ids, 1, 7))
    assert chunks.loss == pytest.approx(one.loss, rel=ROUNDING)
    assert chunks.targets.tolist() == ids[1:].tolist()


def test_an_unknown_cell_is_refused():
    with pytest.raises(ValueError, match="cell is 'transformer', expected one of rnn, lstm, gru"):
        make(cell="transformer")


@every_variant
def test_pytorch_gives_the_same_logits_and_gradients_over_three_chunks(options):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    model, (inputs, targets) = make(**options), text()
    layers = options.get("num_layers", 1)
    kind = getattr(torch.nn, options["cell"].upper())
    parts = {
        "embedding": torch.nn.Embedding(V, D),
        "recurrent": kind(D, H, layers, batch_first=True),
        "linear": torch.nn.Linear(H, V),
    }
    theirs = torch.nn.ModuleDict(parts).double()
    theirs.load_state_dict(to_torch(model, tensors=True))
    state, total, logits = None, 0, []
    for start in range(0, T, 3):
        x = theirs["embedding"](torch.from_numpy(inputs[:, start : start + 3]))
        h, state = theirs["recurrent"](x, state)
        state = tuple(part.detach() for part in state) if options["cell"] == "lstm" else state.detach()
        logits.append(theirs["linear"](h))
        wanted = torch.from_numpy(targets[:, start : start + 3])
        total = total + torch.nn.functional.cross_entropy(logits[-1].flatten(0, 1), wanted.flatten(), reduction="sum")
    (total / targets.size).backward()
    ours, _ = run_chunks(model, inputs, 3)
    whole = np.concatenate(ours, axis=1)
    np.testing.assert_allclose(whole, torch.cat(logits, 1).detach().numpy(), rtol=0, atol=1e-12 * np.abs(whole).max())
    found = to_torch(truncated(model, inputs, targets, 3), embeddings=["embedding"])
    for name, parameter in theirs.named_parameters():
        if "bias_hh" in name:  # zero in to_torch: b is the sum of PyTorch's two, bias_ih has its gradient
            continue
        expected = parameter.grad.numpy()
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-12 * np.abs(expected).max(), err_msg=name)
