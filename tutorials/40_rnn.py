# %% [markdown]
# # 40 · The recurrent cell, and backward through time
#
# A recurrent network reads a sequence step by step and keeps what it has read in a state $h$. Chapter 20 showed
# how a gradient goes backward through products, sums and shared names. A recurrent network has all three, many
# times in a row. Here you carry a gradient back through three steps by hand. Then you measure what fifty steps do
# to it.

# %% [markdown]
# ## The question
#
# A network reads 50 letters and then makes a mistake. **How much blame reaches the first letter?** If almost
# nothing arrives, the network cannot learn from that letter. If a million arrives, one step of training throws
# the weights far away. The article says that this happens "because of the accumulation of weights" (section 2.1).
# We want the number.

# %%
import numpy as np

from scratchnn import check, gradflow
from scratchnn.check.catalogue import bug, plant
from scratchnn.ops import rnn


def show(title, **numbers):
    """Print named numbers with four decimals, as one writes them on paper."""
    print(f"{title:<18}", "   ".join(f"{name} = {float(value):.4f}" for name, value in numbers.items()))


# %% [markdown]
# ## Derivation on paper-sized numbers
#
# ### Sub-goal 1: the forward pass
#
# One unit, one input feature, three steps:
#
# $$a_t = x_t W_x + h_{t-1} W_h + b \qquad h_t = \tanh(a_t)$$
#
# with $W_x = 0.5$, $W_h = 0.8$, $b = 0.1$, the inputs $x = (1, -1, 0.5)$ and $h_0 = 0.5$. Step 1 is
# $a_1 = 1 \cdot 0.5 + 0.5 \cdot 0.8 + 0.1 = 1$ and $h_1 = \tanh(1) = 0.7616$. Do step 2 and step 3 with a
# calculator, then run the cell.

# %%
x = np.array([1.0, -1.0, 0.5]).reshape(3, 1, 1)  # (T, B, D)
h0 = np.array([[0.5]])  # (B, H)
params = rnn.Params(W_x=np.array([[0.5]]), W_h=np.array([[0.8]]), b=np.array([0.1]))
cache = rnn.reference.forward(x, h0, params)
for t in (1, 2, 3):  # h holds h_0 in row 0, so row t is step t; a_t stands in row t - 1
    h_t = cache.h[t, 0, 0]
    show(f"step {t}", a=cache.a[t - 1, 0, 0], h=h_t, slope=1 - h_t**2)

# %% [markdown]
# ### Sub-goal 2: one step back
#
# We write $\delta$ in front of a name for "how much the loss $L$ changes per unit of it". Suppose somebody hands
# us $\delta h_t$. The step was a $\tanh$ of a sum, so undo the $\tanh$ first. Its slope, written with its output,
# is $1 - h_t^2$:
#
# $$\delta a_t = \delta h_t\,(1 - h_t^2)$$
#
# Then undo the sum $a_t = x_t W_x + h_{t-1} W_h + b$. Each name receives $\delta a_t$ times what stands beside
# it:
#
# $$\delta x_t = \delta a_t W_x \qquad \delta h_{t-1} = \delta a_t W_h$$
#
# Together: **one step back multiplies by** $(1 - h_t^2)\, W_h$. Remember this factor.
#
# ### Sub-goal 3: the loss at the end only
#
# Let $L = h_3$, so $\delta h_3 = 1$. Then
#
# - step 3: $\delta a_3 = 1 \cdot 0.7755 = 0.7755$, and $\delta h_2 = 0.7755 \cdot 0.8 = 0.6204$
# - step 2: $\delta a_2 = 0.6204 \cdot 0.9575 = 0.5940$, and $\delta h_1 = 0.5940 \cdot 0.8 = 0.4752$
# - step 1: $\delta a_1 = 0.4752 \cdot 0.4200 = 0.1996$, and $\delta h_0 = 0.1996 \cdot 0.8 = 0.1597$
#
# ### Sub-goal 4: a loss at step 1 as well
#
# Now let $L = 0.5\, h_1 + h_3$. The name $h_1$ has two receivers: the loss itself, which pulls with 0.5, and step
# 2, which carries 0.4752 back. Two receivers, so add (chapter 20):
#
# $$\delta h_1 = 0.5 + 0.4752 = 0.9752$$
#
# In general $\delta h_t$ = what the loss gives to $h_t$ directly + what step $t+1$ carries back. The code calls
# them `dh[t]` and `dh_next`. So $\delta a_1 = 0.9752 \cdot 0.4200 = 0.4096$.

# %%
dh = np.array([0.5, 0.0, 1.0]).reshape(3, 1, 1)
dh_next = np.zeros((1, 1))
for t in (3, 2, 1):
    nodes = rnn.reference.step(x[t - 1], cache.h[t - 1], params)
    dh_t = dh[t - 1] + dh_next
    dx_t, dh_prev, da_t = rnn.reference.step_backward(dh_t, nodes, params)
    show(f"back through {t}", carried=dh_next[0, 0], dh_t=dh_t[0, 0], da_t=da_t[0, 0], dh_prev=dh_prev[0, 0])
    dh_next = dh_prev

# %% [markdown]
# ### Sub-goal 5: the weights were used three times
#
# $W_x$, $W_h$ and $b$ are the same numbers at every step. A shared name receives one part per use, and they add:
#
# $$\delta W_x = \sum_t x_t\,\delta a_t \qquad \delta W_h = \sum_t h_{t-1}\,\delta a_t \qquad
#   \delta b = \sum_t \delta a_t$$
#
# For $W_h$: $0.5 \cdot 0.4096 + 0.7616 \cdot 0.5940 + 0.2063 \cdot 0.7755 = 0.8171$. Note $h_{t-1}$, not $h_t$:
# at step 1 the weight met $h_0$.

# %%
grads = rnn.reference.backward(dh, cache, params)
show("gradients", dW_x=grads.W_x[0, 0], dW_h=grads.W_h[0, 0], db=grads.b[0], dh_0=grads.h0[0, 0])

# %% [markdown]
# ## The library's own code
#
# `scratchnn/ops/rnn/reference.py` holds this chapter in four functions. `step` and `step_backward` are sub-goals
# 1 and 2. `forward` loops over them from $t = 1$ to $T$, `backward` loops from $T$ to 1. The loop of `backward`
# contains `dh_t = dh[t] + dh_next` (sub-goal 4) and three lines with `+=` (sub-goal 5). With more than one unit,
# numbers become rows and weights become matrices, and $\delta a_t W_h$ becomes $\delta a_t W_h^\top$ (chapter
# 20).

# %%
for equation in rnn.equations.BACKWARD:
    print(f"({equation.number:>2})  {equation.text}")

# %% [markdown]
# ## Step through
#
# What one step back does is a matrix, the *Jacobian*: entry $(i, j)$ says how much $h_t$'s unit $i$ moves per
# unit of $h_{t-1}$'s unit $j$. For our single unit it is the factor of sub-goal 2. Here are the three factors,
# and what is left of a gradient of 1 after them. The last number must be the $\delta h_0$ of sub-goal 3.

# %%
left = 1.0
for t in (3, 2, 1):
    factor = (1 - cache.h[t, 0, 0] ** 2) * 0.8
    left *= factor
    show(f"step {t}", factor=factor, left=left)

# %% [markdown]
# To walk through a whole run line by line, forward and backward, each number beside its equation and an independent
# measurement, type `scratchnn step rnn` in a terminal. The arrow keys go on and back, `?` shows all keys.
#
# After fifty steps it is a product of fifty such factors. If they are below 1 on the whole, the product vanishes;
# if they are above 1, it explodes. There is nothing between but luck or design. In a network with $H$ units, the
# size of $W_h$ is measured by its *spectral radius* $\rho$, the largest absolute value among its eigenvalues:
# applied again and again, $W_h$ multiplies by about $\rho$ each time.
#
# ## Predict, then run
#
# Take a *linear* network first, $h_t = a_t$, so that all slopes are 1. Let $W_h$ be $\rho$ times a rotation. The
# loss reads the state after 50 steps, so there are 49 steps back to $h_1$.
#
# **Write down:** how much of the gradient reaches $h_1$ for $\rho = 0.9$ and for $\rho = 1.1$? Then the network
# with $\tanh$: will more arrive than in the linear one, or less? And is $\rho = 1$ enough to save it?

# %%
x50 = np.random.default_rng(1).normal(size=(50, 4, 8))
arrives = {}
for name in ("linear", "rnn"):
    for radius in (0.9, 1.0, 1.1, 1.5):
        cell = gradflow.make_cell(name, np.random.default_rng(0), radius=radius, start="orthogonal")
        arrives[name, radius] = np.exp(gradflow.gradient_norms(cell, x50).relative[0])
        print(f"{name:<7} radius {radius}: {arrives[name, radius]:.3g} of the gradient arrives at h_1")
print(f"0.9**49 = {0.9**49:.3g},  1.1**49 = {1.1**49:.3g},  1.5**49 = {1.5**49:.3g}")

# %% [markdown]
# The linear network gives $\rho^{49}$ to the last digit shown. With $\tanh$ less arrives everywhere, because each
# slope $1 - h^2$ is at most 1: at $\rho = 1$ about a twentieth, and only $\rho = 1.5$ makes it grow.
# (`scratchnn gradflow` measures the same for LSTM, GRU and attention.)
#
# **Clipping** is the usual cure for the exploding half: if the norm of *all* gradients together is above a limit,
# multiply them all by limit / norm. The direction stays, the length shrinks. Predict: a gradient of norm 14 is
# clipped to norm 1. Does that change which share of it reaches the first state?

# %%
rng = np.random.default_rng(0)
pupil = gradflow.make_pupil(rng)
sequences, targets = gradflow.sequences(rng)
free, clipped = (gradflow.clipping_step(pupil, sequences, targets, clip=clip) for clip in (None, 1.0))
print(f"norm {free.norm:.2f} -> {clipped.used:.2f}, cosine of the angle between the two {clipped.cosine:.6f}")
print(gradflow.clipping_sentence(clipped, 1.0))
runs = {clip: gradflow.clipping_run(clip=clip, steps=120) for clip in (None, 1.0)}
for clip, run in runs.items():
    print(
        f"clip {clip}: largest loss {run.losses.max():.2f}, mean of the last 20 losses {run.losses[-20:].mean():.2f}"
    )

# %% [markdown]
# The share does not change: all gradients were multiplied by the same number. Clipping saves the training run
# (see the last two lines), but it cannot bring back what vanished. For that the network itself must be built
# otherwise: chapter 50.
#
# ## Bug hunt
#
# One line of this backward pass is wrong. **Which?** As a loss take $L = h_3$ and look at the last step only,
# because nothing was spoilt before it. There $\delta h_3 = 1$, so $\delta a_3$ *is* the slope that the code used.

# %%
culprit = bug("h-fo-hnat-fo-epols-nnr"[::-1])  # its name is written backwards, so that you can hunt
wrong = plant(culprit)
last = rnn.reference.step(x[2], cache.h[2], params)
slope = wrong.step_backward(np.ones((1, 1)), last, params)[2][0, 0]
h_3 = cache.h[3, 0, 0]
show("at step 3", h_3=h_3, slope_right=1 - h_3**2, slope_wrong=slope)
show("which square?", root=np.sqrt(1 - slope), tanh_of_h_3=np.tanh(h_3))

# %% [markdown]
# The wrong slope is $1 - 0.4413^2$, and $0.4413 = \tanh(0.4738) = \tanh(h_3)$. So somebody computed
# `1 - tanh(h_t)**2`. But $h_t$ already *is* a $\tanh$. The formula $1 - \tanh^2$ wants the value *before* the
# nonlinearity, the formula $1 - h^2$ the value *after* it. Mixing them is one of the commonest mistakes, and its
# size here is only 4 percent: training would hardly notice.
#
# And a warning about paper-sized numbers. Here is another bug, which uses $W_h$ where $W_h^\top$ belongs:

# %%
hidden = plant(bug("rnn-W-h-not-transposed"))
unseen = hidden.backward(dh, cache, params)
print("with one unit:  ", np.allclose(unseen.h0, grads.h0), "- every gradient is right")
report = check.run("rnn.tanh", backend=hidden)[0]
print("with five units:", report.passed)
diagnosis = check.diagnose("rnn", wrong)
print("the first bug, asked of the catalogue:", diagnosis)

# %% [markdown]
# A number is its own transpose. So numbers on paper teach the idea, and a check needs sizes that all differ.
#
# ## What to remember
#
# - One step back multiplies by $(1 - h_t^2)$ and by $W_h^\top$. Many steps back multiply many times: $\rho^{T}$.
# - $\delta h_t$ = own loss + carry. $\delta W$ = sum over all steps, with $h_{t-1}$.
# - Clipping shortens the step and keeps its direction. It helps against exploding, never against vanishing.
# - $1 - h^2$ takes the value after $\tanh$.
# - One unit hides transposes; use different sizes when you check.

# %%
assert np.allclose(cache.h[1:, 0, 0], [0.7616, 0.2063, 0.4738], atol=5e-5)  # sub-goal 1
assert abs(left - 0.1597) < 5e-5  # sub-goal 3
assert np.isclose(grads.W_h[0, 0], 0.8171, atol=5e-5)  # sub-goal 5
for radius in (0.9, 1.0, 1.1, 1.5):
    assert np.isclose(arrives["linear", radius], radius**49)
    assert arrives["rnn", radius] < arrives["linear", radius]
assert arrives["rnn", 1.0] < 0.1
assert arrives["rnn", 1.5] > 10
assert abs(clipped.cosine - 1) < 1e-6
assert np.array_equal(clipped.state_norms, free.state_norms)
assert runs[1.0].losses[-20:].mean() < 0.5 < runs[None].losses[-20:].mean()
assert all(row.passed for row in check.run("rnn.tanh")[0].rows)
assert np.isclose(slope, 1 - np.tanh(h_3) ** 2)
assert not report.passed
assert [match.ids for match in diagnosis.matches] == [(culprit.id,)]
print("all assertions of this chapter hold")

# %% [markdown]
# ## Sources
#
# - J. Elman: *Finding Structure in Time.* Cognitive Science 14, 1990. The simple recurrent network.
# - P. Werbos: *Backpropagation Through Time: What It Does and How to Do It.* Proceedings of the IEEE 78, 1990.
# - Y. Bengio, P. Simard, P. Frasconi: *Learning Long-Term Dependencies with Gradient Descent is Difficult.* IEEE
#   Transactions on Neural Networks 5, 1994.
# - R. Pascanu, T. Mikolov, Y. Bengio: *On the Difficulty of Training Recurrent Neural Networks.* ICML 2013.
#   Exploding gradients, and clipping by the norm.
