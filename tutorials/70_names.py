# %% [markdown]
# # 70 · An LSTM with attention on real names
#
# You have derived the LSTM (chapter 50) and attention (chapter 60). Now they work together on real data: surnames
# and the language they come from. You train the model in a few seconds, look where it looks, and take one
# prediction apart into numbers, forward and backward.

# %% [markdown]
# ## The question
#
# Read *Kowalski*. You know that it is Polish. **Which letters told you, and which letters tell the model?** And
# when the model is wrong, along which roads does the blame travel back to the letters?

# %%
import numpy as np

from scratchnn import data, draw, probe
from scratchnn.check.catalogue import bug, plant
from scratchnn.layers import LSTM
from scratchnn.lessons import show
from scratchnn.models import SequenceClassifier
from scratchnn.ops import attention, cross_entropy, lstm
from scratchnn.training import Adam, CrossEntropyLoss, evaluate, fit

LANGUAGES = ("Finnish", "Italian", "Polish", "Russian", "Turkish")  # five of the twenty-two, to be quick
names = data.load("surnames")


def part(which):
    """The surnames of the five languages in one part of the fixed split, and their classes 0 to 4."""
    numbers = {names.classes.index(language): k for k, language in enumerate(LANGUAGES)}
    pairs = [(text, numbers[number]) for text, number in zip(*names.part(which), strict=True) if number in numbers]
    return [text for text, _ in pairs], np.array([number for _, number in pairs])


texts, targets = part("train")
test_texts, test_targets = part("test")
vocabulary = data.Vocabulary.from_texts(texts)
print(len(texts), "names to learn from,", len(test_texts), "to be asked later,", len(vocabulary), "different symbols")
print(
    "for instance", ", ".join(f"{text} ({LANGUAGES[k]})" for text, k in list(zip(texts, targets, strict=True))[::400])
)

# %% [markdown]
# ## Derivation on paper-sized numbers
#
# ### Sub-goal 1: the chain of the model
#
# A name of $T$ letters goes through five steps:
#
# 1. **embedding**: letter number $n$ becomes row $n$ of a table, a vector $x_t$
# 2. **LSTM**: $x_1, \dots, x_T$ become states $h_1, \dots, h_T$
# 3. **attention**: one learned query $q$ looks at all states; additive scores, softmax, weights $\alpha_t$
# 4. **context**: $c = \sum_t \alpha_t h_t$
# 5. **linear**: $c$ becomes five numbers $z$, the *logits*, one per language
#
# ### Sub-goal 2: the loss and its gradient
#
# A softmax makes probabilities $p$ of the logits. If the right language is number $y$, the loss is
# $L = -\ln p_y$: zero if the model is sure and right, large if it is sure and wrong. On paper with three
# languages and $z = (\ln 2, 0, \ln 5)$ we get $p = (\tfrac28, \tfrac18, \tfrac58)$ as in chapter 60. Let the
# first be right. Then
#
# $$L = -\ln \tfrac28 = 1.3863$$
#
# Backward: only $p_1$ stands in $L$, so $\delta p = (-\tfrac{1}{p_1}, 0, 0) = (-4, 0, 0)$. Through the softmax
# (chapter 60, sub-goal 3): the weighted mean of $\delta p$ is $\tfrac28 \cdot (-4) = -1$, hence
#
# $$\delta z = \tfrac28(-4 + 1),\ \ \tfrac18(0 + 1),\ \ \tfrac58(0 + 1) = -0.75,\ 0.125,\ 0.625$$
#
# That is $p$ minus 1 at the right place: $\delta z = p - \text{onehot}(y)$. Two complicated steps, one simple
# answer.
#
# ### Sub-goal 3: every letter has two roads
#
# The context is a weighted mean, so each state $h_t$ receives $\alpha_t\,\delta c$ as a *value*, and a second
# part as a *key*, because it also decided about its weight. Both add up to what the LSTM calls `dh[t]`. In
# chapter 40 only the last state heard of the loss, and the first letter had to wait for a gradient that came
# through all steps. **Here every state hears of the loss directly.** This is the point of attention: the direct
# road has length one.

# %%
paper = cross_entropy.reference.forward(np.log([[2.0, 1.0, 5.0]]), np.array([0]))
paper_grads = cross_entropy.reference.backward(paper)
print("loss", float(paper.loss), " dz", paper_grads.logits)

# %% [markdown]
# ## The library's own code
#
# `SequenceClassifier` in `scratchnn/models/classifier.py` puts the five steps together; its `backward` calls the
# parts in the opposite order. The loop that trains is `fit` in `scratchnn/training/fit.py`. What it does per
# batch is: forward, loss, backward, clip the norm (chapter 40), step of Adam. (*Adam* moves every weight against its
# gradient; how far is set for each weight by the usual size of its own gradients.) We use the readable NumPy code
# (`backend="reference"`).


# %%
def make_model():
    """An LSTM of 24 units with additive attention and a learned query; always the same first weights."""
    return SequenceClassifier(
        len(LANGUAGES),
        vocabulary_size=len(vocabulary),
        embedding_size=16,
        hidden_size=24,
        bidirectional=False,
        backend="reference",
        dtype=np.float64,
        rng=np.random.default_rng(0),
    )


def trained(model, epochs=6):
    """Train on the names and give the losses of the epochs and the accuracy on the test part."""
    batches = data.Batches([vocabulary.encode(text) for text in texts], targets, batch_size=32)
    asked = data.Batches([vocabulary.encode(text) for text in test_texts], test_targets, batch_size=256)
    criterion = CrossEntropyLoss(backend="reference")
    optimizer = Adam(model.params, lr=0.01, backend="reference")
    history = fit(
        model,
        criterion,
        optimizer,
        batches,
        epochs=epochs,
        max_norm=1.0,
        rng=np.random.default_rng(1),
        progress=False,
    )
    return history.column("train_loss"), evaluate(model, criterion, asked).accuracy


# %% [markdown]
# ## Predict, then run
#
# There are five languages. The commonest one has a quarter of the test names. **Write down:** what loss do you
# expect before training (five equal probabilities, $-\ln\tfrac15$)? What share of unseen names will be right
# after six times through the 1,800 names? And for *Kowalski*: which letter gets the most attention, a first one,
# a middle one or a last one?

# %%
model = make_model()
print(f"-ln(1/5) = {np.log(5):.2f}, always the commonest: {np.bincount(test_targets).max() / len(test_targets):.0%}")
losses, accuracy = trained(model)
print("loss per epoch", [round(loss, 3) for loss in losses])
print(f"accuracy on {len(test_texts)} unseen names: {accuracy:.1%}")

# %%
pictures = []
for name, language in (("Kowalski", "Polish"), ("Virtanen", "Finnish"), ("Ivanova", "Russian"), ("Rossi", "Italian")):
    logits, seen = model.forward(vocabulary.encode(name)[None])
    probabilities = np.exp(logits[0]) / np.exp(logits[0]).sum()
    answer = LANGUAGES[probabilities.argmax()]
    letters = vocabulary.pieces(name)
    print(
        f"{name:<9} {answer:<8} {probabilities.max():.2f}   attention",
        *(f"{letter}{weight:.2f}" for letter, weight in zip(letters, seen.alpha[0], strict=True)),
    )
    pictures.append((letters, seen.alpha[0], f"{name}: {answer}", answer == language))
show(draw.attention_rows(pictures, title="Where the model looked"))

# %% [markdown]
# It looks near the end: at *-ski*, *-nen*, *-ova*. Two reasons, and it is honest to name both. The endings really
# are what tells these languages apart. But also: this LSTM reads from left to right, so only the late states
# *know* the whole name. Attention weights show where the model looked, not what it thought. (A bidirectional
# LSTM, which `scratchnn train` uses, removes the second reason.)
#
# ## Step through
#
# Now one prediction, taken apart with the functions of chapters 50 and 60. `by_hand` is the whole model in seven
# lines. It must give the same logits as the model.

# %%


def by_hand(p, ids):
    """The five steps for one name; p are the model's parameters. Gives logits, attention and LSTM cache."""
    x = p["embedding.W"][ids][:, None, :]  # (T, 1, D)
    zero = np.zeros((1, 24))
    cell = lstm.Params(p["recurrent.W_x_l0"], p["recurrent.W_h_l0"], p["recurrent.b_l0"])
    states = lstm.reference.forward(x, zero, zero, cell)
    h = states.h[1:].swapaxes(0, 1)  # (1, T, H)
    score = attention.Params(**{name: p[f"attention.attention.{name}"] for name in ("W_q", "W_k", "v_a")})
    looked = attention.reference.forward(p["attention.q"][None, None], h, h, score, score="additive")
    return looked.context[:, 0] @ p["linear.W"] + p["linear.b"], looked, states, cell, score


params, ids, polish = model.params, vocabulary.encode("Kowalski"), np.array([LANGUAGES.index("Polish")])
logits, looked, states, cell, score = by_hand(params, ids)
print("same logits as the model:", np.allclose(logits, model.forward(ids[None])[0], rtol=1e-12))

# %% [markdown]
# Backward, step by step: $\delta z = p - \text{onehot}$, through the linear layer to $\delta c$, through
# attention to `dh`, through the LSTM to the letters. The columns show, letter by letter: the weight, how open the
# forget gate is on average, the size of what the state receives directly from attention, and the size of the
# gradient that reaches the letter in the end. Since the model is nearly sure here, all gradients are small; so we
# ask what would make it say *Russian* instead.

# %%
russian = np.array([LANGUAGES.index("Russian")])
dz = cross_entropy.reference.backward(cross_entropy.reference.forward(logits, russian)).logits
dcontext = dz @ params["linear.W"].T
from_attention = attention.reference.backward(dcontext[:, None, :], looked, score)
dh = (from_attention.k + from_attention.v).swapaxes(0, 1)  # two roads: as a key and as a value
back = lstm.reference.backward(dh, np.zeros((1, 24)), states, cell)
print("dz", dz[0].round(3) + 0.0)
print("letter   alpha  mean f  |dh direct|  |dx|")
for t, letter in enumerate("Kowalski"):
    direct, at_letter = np.linalg.norm(dh[t]), np.linalg.norm(back.x[t])
    print(f"{letter:<7}  {looked.alpha[0, 0, t]:5.2f}  {states.f[t].mean():6.2f}  {direct:11.4f}  {at_letter:.4f}")

# %% [markdown]
# (`scratchnn step model` walks through every line of such a model, from the letters to the loss and back.)
#
# Compare the last two columns. A letter may have hardly any direct road, and still feel the loss, because the
# LSTM carries the gradient back from the letters after it. Both roads work together.
#
# ## Bug hunt
#
# A friend's LSTM was made for tasks in which only the last state has a loss, and its backward pass relies on
# that: it reads the gradient of the last state and ignores the others. We put it into our model. **First write
# down: will the model still learn? What accuracy do you expect?**

# %%
culprit = bug("ylno-maertspu-tsal-mtsl"[::-1])  # its name is written backwards, so that you can hunt
wrong = plant(culprit)
suspect = make_model()
start = suspect.state_dict()
layer = LSTM(16, 24, batch_first=True, backend=wrong, dtype=np.float64, rng=np.random.default_rng(0))
suspect.recurrent = suspect.add_child("recurrent", layer)
suspect.load_state_dict(start)  # the same first weights
wrong_losses, wrong_accuracy = trained(suspect)
print("loss per epoch", [round(loss, 3) for loss in wrong_losses])
print(f"accuracy: {wrong_accuracy:.1%}, with the right gradient {accuracy:.1%}")

# %% [markdown]
# It learns: the loss falls in every epoch, and two names in three are right where guessing gives one in five. It
# learns *less*, but without the right one beside it nobody would know. So measure: the gradient of every array of
# parameters for one name, against the complex step through `by_hand`.

# %%


def loss(moved):
    """The loss of one name as a function of all parameters; a Russian answer is asked for."""
    z = by_hand(moved, ids)[0][0]
    return np.log(np.exp(z).sum()) - z[russian[0]]


suspect.load_state_dict(model.state_dict())  # the trained weights, so that both are asked at the same point
suspect.zero_grad()
wrong_logits, kept = suspect.forward(ids[None])
suspect.backward(dz, kept)
given = {name: grad.copy() for name, grad in suspect.grads.items()}
truth = probe.complex_step(loss, params, ["recurrent.b_l0", "attention.q", "attention.attention.v_a", "linear.b"])
errors = {name: np.abs(given[name] - right).max() / np.abs(right).max() for name, right in truth.items()}
for name, error in errors.items():
    print(f"{name:<24} relative error {error:.0e}")

# %% [markdown]
# Attention and linear layer are right, the LSTM is wrong. So the fault lies in the LSTM, or in what it is handed.
# It is handed `dh`, which we know. Feed the LSTM alone, with a loss at one step at a time:

# %%
hears = {}
for t in range(len(ids)):
    only = np.zeros_like(dh)
    only[t] = 1
    hears[t] = np.abs(wrong.backward(only, np.zeros((1, 24)), states, cell).x).max()
print({f"loss at letter {t + 1}": f"{size:.2g}" for t, size in hears.items()})

# %% [markdown]
# A loss anywhere but at the last letter changes nothing. There is the bug: it ignores `dh[t]` for $t < T$, and
# attention gives a loss to *every* state. It was invisible in the friend's own task. A part that is right in one
# model can be wrong in the next, so check the whole as well: `scratchnn check model` does that for all models of
# the library.
#
# ## What to remember
#
# - Softmax and $-\ln$ together: $\delta z = p - \text{onehot}$.
# - Attention gives every state a direct road to the loss; the LSTM adds the long road.
# - Attention weights say where the model looked. A one-way LSTM knows most at the end, so it looks there.
# - With a wrong backward pass a model still learns, only less. Check gradients of the parts *and* of the whole.
# - Compare with baselines: "always the commonest" first of all.

# %%
assert np.allclose(paper_grads.logits, [[-0.75, 0.125, 0.625]])
assert np.isclose(float(paper.loss), 1.3863, atol=5e-5)
assert losses[-1] < 0.5 * losses[0]
assert accuracy > 0.8
assert np.allclose(logits, model.forward(ids[None])[0], rtol=1e-12)
assert looked.alpha[0, 0, -3:].sum() > 0.5  # -ski
assert LANGUAGES[logits.argmax()] == "Polish"
assert wrong_losses == sorted(wrong_losses, reverse=True)
assert 2 * np.bincount(test_targets).max() / len(test_targets) < wrong_accuracy < accuracy
assert errors["recurrent.b_l0"] > 0.01
assert all(error < 1e-10 for name, error in errors.items() if "recurrent" not in name)
assert [t for t, size in hears.items() if size > 0] == [len(ids) - 1]
model.zero_grad()
_, right_cache = model.forward(ids[None])
model.backward(dz, right_cache)
assert np.allclose(model.grads["recurrent.b_l0"], truth["recurrent.b_l0"], rtol=1e-9, atol=1e-12)
print("all assertions of this chapter hold")

# %% [markdown]
# ## Sources
#
# - D. Bahdanau, K. Cho, Y. Bengio: *Neural Machine Translation by Jointly Learning to Align and Translate.* ICLR
#   2015.
# - D. Kingma, J. Ba: *Adam: A Method for Stochastic Optimization.* ICLR 2015.
# - S. Jain, B. Wallace: *Attention is not Explanation.* NAACL 2019; S. Wiegreffe, Y. Pinter: *Attention is not
#   not Explanation.* EMNLP 2019. What attention weights can and cannot tell.
# - The surnames come from Faker and Mimesis (MIT licence); `scratchnn data` says more.
