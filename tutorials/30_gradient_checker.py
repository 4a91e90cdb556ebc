# %% [markdown]
# # 30 · Build a gradient checker, and kill bugs with it
#
# Chapter 10 gave us a judge for derivatives, chapter 20 a way to derive them. Now we put both together: a program
# that says whether a backward pass is right. It has about forty lines. The interesting part is what it must be
# fed with, because a checker that is fed badly lets almost everything through.

# %% [markdown]
# ## The question
#
# The library keeps a catalogue of known-wrong backward passes. For the simple recurrent network (RNN) there are
# about fifty of them: slopes left out, sums cut short, a transpose forgotten. **How many of them does a gradient
# check catch? And if we do not check and simply train: does a wrong gradient show itself?**
#
# You need to know only one thing about the RNN here (chapter 40 derives it): it reads $x_1, \dots, x_T$, keeps a
# state, $h_t = \tanh(x_t W_x + h_{t-1} W_h + b)$, and its backward pass is about ten lines long.

# %%
import numpy as np

from scratchnn import check
from scratchnn.check.catalogue import bug, bugs, plant
from scratchnn.check.catalogue.still_trains import TASKS, train
from scratchnn.ops import rnn

planted = {known.id: plant(known) for known in bugs("rnn")}  # name -> a module like rnn.reference, but wrong
print(len(planted), "wrong backward passes, for instance:", bug("rnn-dh-next-dropped").title)

# %% [markdown]
# ## Derivation on paper-sized numbers
#
# ### Sub-goal 1: one number to differentiate
#
# A network has many outputs, and a derivative needs *one* number. The usual way out: sum all outputs. Try it on
# two outputs that share a budget, $y = (p,\ 1-p)$ with $p = \sigma(a)$. At $a = 0$ the slope of $\sigma$ is 0.25,
# so $\frac{\partial y_1}{\partial a} = 0.25$ and $\frac{\partial y_2}{\partial a} = -0.25$. Now sum:
# $L = y_1 + y_2 = 1$, whatever $a$ is. Its derivative is $0.25 - 0.25 = 0$. **A backward pass that returns zero
# passes this check.**
#
# ### Sub-goal 2: random weights for the outputs
#
# Give every output a random weight $u$ and take $L = \sum_k u_k y_k$. With $u = (3, -1)$:
# $\delta a = 3 \cdot 0.25 - 1 \cdot (-0.25) = 1$. Now zero is wrong, and so is any other mistake, except for a
# few special $u$ that a random draw never hits. The gradient that backward must be given is $u$ itself, since
# $\delta y_k = u_k$.
#
# ### Sub-goal 3: how wrong is wrong?
#
# Let the right gradient be $(100,\ 0.001)$, and ours $(100.00001,\ 0.00101)$. The second entry is off by one
# percent of itself, the first by a ten-millionth. Are we wrong? Differences have an error of about $10^{-10}$ of
# the *loss*, so small entries are measured badly and would raise false alarms. Hence compare with the largest
# entry of the array:
#
# $$\text{error} = \frac{\max |\text{ours} - \text{measured}|}{\max |\text{measured}|}
#   = \frac{0.00001}{100} = 10^{-7}$$
#
# ### Sub-goal 4: where to draw the line
#
# Central differences with $h = 10^{-5}$ err by about $10^{-10}$ (chapter 10). Real mistakes change a gradient by
# a percent or more. Between $10^{-10}$ and $10^{-2}$ lies much room: we take $10^{-6}$.

# %%
p = 0.5
for u in (np.array([1.0, 1.0]), np.array([3.0, -1.0])):
    print("u =", u, "-> gradient of a:", u[0] * p * (1 - p) - u[1] * p * (1 - p))

# %% [markdown]
# ### Sub-goal 5: the checker
#
# Here it is. `measure` moves every entry of every array up and down. `problem` draws what the checker is fed
# with, and measures the right answer. `accepts` asks a module for its gradients and compares.

# %%


def measure(loss, arrays, h=1e-5):
    """Central differences of a loss for every entry of every array; entries are moved in place and put back."""
    grads = {name: np.zeros_like(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + h
            up = loss()
            array[index] = kept - h
            down = loss()
            array[index] = kept
            grads[name][index] = (up - down) / (2 * h)
    return grads


def problem(*, T, B=1, D=1, H=1, weights="last", first_state=False, mask=False, relu=False):
    """Draw the arguments of forward, the outputs' weights u, and measure the gradients that are right."""
    rng = np.random.default_rng(0)
    x, h0, params = rnn.sample(rng, T=T, B=B, D=D, H=H)
    h0 *= first_state
    u = rng.normal(size=(T, B, H)) if weights == "random" else np.ones((T, B, H))
    if weights == "last":  # the loss is the sum of the last state
        u[:-1] = 0
    real = np.arange(T)[:, None] < T - np.arange(B) if mask else None  # sequence n is n steps shorter
    option = {"nonlinearity": "relu" if relu else "tanh"}
    checked = {"x": x, **params._asdict()} | ({"h0": h0} if first_state else {})
    right = measure(lambda: (rnn.reference.forward(x, h0, params, real, **option).h[1:] * u).sum(), checked)
    return (x, h0, params, real), option, u, right


def accepts(module, drawn, conduct=False):
    """Say whether the check finds nothing wrong with the module's backward pass."""
    (x, h0, before, real), option, u, right = drawn
    params, given = rnn.Params(*(array.copy() for array in before)), u.copy()  # a wrong module may change them
    cache = module.forward(x.copy(), h0.copy(), params, real, **option)
    got = module.backward(given, cache, params)._asdict()
    good = all(np.max(np.abs(got[n] - right[n])) <= 1e-6 * np.max(np.abs(right[n])) for n in right)
    if conduct:  # it changed nothing that it was given, and a second call says the same
        again = module.backward(u.copy(), cache, params)._asdict()
        good &= np.array_equal(given, u) and all(np.array_equal(again[n], got[n]) for n in right)
        good &= all(np.array_equal(now, then) for now, then in zip(params, before, strict=True))
    return bool(good)


# %% [markdown]
# ## The library's own code
#
# `scratchnn/check/gradients.py` holds `check_gradients`, the grown-up brother of our checker. It differs in four
# ways. It measures with Richardson *and* the complex step. It computes its own tolerance instead of a fixed
# $10^{-6}$. It looks at the conduct as well. And its report says where it is wrong. The mistakes stand in
# `scratchnn/ops/rnn/bugs.py`, each with the old line, the new line, and the misconception behind it.

# %%
report = check.run("rnn.tanh")[0]
print(report)

# %% [markdown]
# ## Step through
#
# Follow one bug through our own checker. The mistake: the carry from step $t+1$ is dropped, so each state only
# hears of its own loss. We look at the array `x` step by step.

# %%
x, h0, params = rnn.sample(np.random.default_rng(0), T=3, B=2, D=4, H=5)
u = np.random.default_rng(1).normal(size=(3, 2, 5))
cache = rnn.reference.forward(x, h0, params)
right_x = rnn.reference.backward(u, cache, params).x
wrong_x = planted["rnn-dh-next-dropped"].backward(u, cache, params).x
for t in (3, 2, 1):
    error = np.abs(wrong_x[t - 1] - right_x[t - 1]).max() / np.abs(right_x).max()
    print(f"step {t}: error {error:.1e}", "- nothing comes after the last step, so nothing was dropped" * (t == 3))

# %% [markdown]
# ## Predict, then run
#
# We feed it worse and better. **Write down two numbers first:** of all these mistakes, how many are caught
# with one time step, one sequence, one feature and one unit ($T = B = D = H = 1$)? How many with three steps and
# different sizes?

# %%
sizes = {"B": 2, "D": 4, "H": 5}
diet = {
    "one step, one of everything": problem(T=1),
    "three steps": problem(T=3),
    "different sizes": problem(T=3, **sizes),
    "every output counts": problem(T=3, **sizes, weights="ones"),
    "random weights": problem(T=3, **sizes, weights="random"),
    "a first state": problem(T=3, **sizes, weights="random", first_state=True),
}
caught = {}
for title, drawn in diet.items():
    survivors = [name for name, module in planted.items() if accepts(module, drawn)]
    caught[title] = len(planted) - len(survivors)
    print(f"{title:<28} catches {caught[title]:2}; accepts the right one: {accepts(rnn.reference, drawn)}")
print("still alive:", ", ".join(survivors))

# %% [markdown]
# With one step there is no time to go back through. With one unit a transpose cannot be seen. And one line of the
# diet is *worse* than the one before it: if every output counts equally, a module that takes the losses in the
# wrong order of time goes free, because all the losses are 1. Random weights mend that.
#
# Who is still alive? Mistakes in code that our check never ran (the *relu*, and the *mask* for short sequences),
# and two modules that return right numbers but change the arrays they were given. So run those paths too, and
# look at the conduct.

# %%
full = {"T": 3, **sizes, "weights": "random", "first_state": True}
variants = [problem(**full), problem(**full, mask=True), problem(**full, relu=True)]


def accepts_all(module):
    """The whole check: plain, with a mask, with relu, and each time the conduct."""
    return all(accepts(module, drawn, conduct=True) for drawn in variants)


survivors = [name for name, module in planted.items() if accepts_all(module)]
print("the whole check lets through:", survivors)

# %% [markdown]
# A checker that rejects everything would also catch all mistakes. So it must be tried on right code that looks
# *different*. This variant keeps all $\delta a_t$ and multiplies once at the end, where the library adds up step
# by step. The numbers differ in the last digits, and it must pass.

# %%


class Once:
    """The same gradients, but the sums over time are one product at the end."""

    forward = staticmethod(rnn.reference.forward)

    @staticmethod
    def backward(dh, cache, params):
        """Collect da_t for all t, then multiply; a padded step has da_t = 0 and hands its gradient on."""
        da, dh_next = np.zeros_like(cache.a), np.zeros_like(dh[0])
        slope = 1.0 * (cache.h[1:] > 0) if cache.nonlinearity == "relu" else 1 - cache.h[1:] ** 2
        for t in reversed(range(len(dh))):
            dh_t, real = dh[t] + dh_next, cache.mask[t, :, None]
            da[t] = np.where(real, dh_t * slope[t], 0)
            dh_next = np.where(real, da[t] @ params.W_h.T, dh_t)
        W_x = np.einsum("tbd,tbh->dh", cache.x, da)
        W_h = np.einsum("tbg,tbh->gh", cache.h[:-1], da)
        return rnn.reference.Grads(x=da @ params.W_x.T, h0=dh_next, W_x=W_x, W_h=W_h, b=da.sum(axis=(0, 1)))


print("the other way of writing it passes:", accepts_all(Once))

# %% [markdown]
# ### Predict again: what does training say?
#
# Now forget the checker. A small RNN reads ten symbols and must name the last one, which is easy. We train it 90
# steps with each wrong gradient in turn. Guessing costs $\ln 4$. **Write down:** with how many of the wrong
# gradients does the loss still fall below half of that?

# %%
easy = TASKS[0]
guessing = np.log(4)
right_losses = train("rnn", rnn.reference, easy)
ends = {}
for name, module in planted.items():
    losses = train("rnn", module, easy)
    if not np.array_equal(losses, right_losses, equal_nan=True):  # the task runs through the wrong line at all
        ends[name] = losses[-10:].mean() / guessing
halved = [name for name, end in ends.items() if end < 0.5]
print(f"{easy.title}; the right gradient leaves {right_losses[-10:].mean() / guessing:.1%} of the loss of guessing")
print(f"of {len(ends)} wrong gradients that differ on this task, {len(halved)} halve the loss")
print("those that do not:", ", ".join(sorted(set(ends) - set(halved))))

# %% [markdown]
# Training follows any direction that points roughly downhill. So "the loss goes down" proves nothing about a
# gradient.
#
# ## Bug hunt
#
# A last one, and this time with your checker's own numbers. **Which line is wrong?** Only one gradient fails.

# %%
culprit = bug("t-h-htiw-h-Wd-nnr"[::-1])  # its name is written backwards, so that you can hunt
got = plant(culprit).backward(u, cache, params)._asdict()
expected = rnn.reference.backward(u, cache, params)._asdict()
fails = {name: np.abs(got[name] - expected[name]).max() for name in got}
print({name: f"{error:.0e}" for name, error in fails.items()})

# %% [markdown]
# Write $a_t$ for the sum inside the $\tanh$. All gradients of this network are made of the $\delta a_t$. Since `dx`,
# `dh0`, `dW_x` and `db` are right, the $\delta a_t$ are right too. Only the product that makes `dW_h` can be wrong,
# and its other factor is a state. Which state? Try both. (`step_backward` undoes one step and gives its
# $\delta a_t$; chapter 40 shows how.)

# %%
da = np.zeros_like(cache.a)
carried = np.zeros((2, 5))
for t in (2, 1, 0):
    nodes = rnn.reference.step(x[t], cache.h[t], params)
    _, carried, da[t] = rnn.reference.step_backward(u[t] + carried, nodes, params)
candidates = {"h_prev": cache.h[:-1], "h_t": cache.h[1:]}
fits = {name: np.allclose(np.einsum("tbg,tbh->gh", state, da), got["W_h"]) for name, state in candidates.items()}
print(fits)

# %% [markdown]
# With $h_t$ in place of $h_{t-1}$ the numbers are those of the wrong module. $W_h$ was multiplied by the state
# *before* the step, so that state belongs into its gradient.
#
# ## What to remember
#
# - Weigh the outputs with random numbers; a plain sum hides mistakes.
# - Three steps, two sequences, sizes all different, states that are not zero, weights of size about one half.
# - Compare with the largest entry of the array, and let the tolerance sit between noise and real mistakes.
# - Run every path: masks, other nonlinearities. Look at conduct: inputs unchanged, second call equal.
# - Try the checker on right code of another style, too.
# - A falling loss proves nothing.

# %%
assert all(accepts(rnn.reference, drawn) for drawn in diet.values())
assert caught["one step, one of everything"] < 0.5 * len(planted)
assert caught["one step, one of everything"] < caught["three steps"] < caught["different sizes"]
assert caught["a first state"] > caught["every output counts"]
assert survivors == []
assert accepts_all(rnn.reference)
assert accepts_all(Once)
assert report.passed
assert len(halved) > 0.9 * len(ends)
assert len(ends) > 30
assert [name for name, error in fails.items() if error > 1e-9] == ["W_h"]
assert fits == {"h_prev": False, "h_t": True}
print("all assertions of this chapter hold")

# %% [markdown]
# ## Sources
#
# - P. Werbos: *Backpropagation Through Time: What It Does and How to Do It.* Proceedings of the IEEE 78, 1990.
# - Y. Bengio: *Practical Recommendations for Gradient-Based Training of Deep Architectures.* 2012. Section on
#   checking gradients by differences.
# - R. DeMillo, R. Lipton, F. Sayward: *Hints on Test Data Selection.* IEEE Computer 11, 1978. Judging a test by
#   the planted mistakes that it kills.
