# %% [markdown]
# # 50 · The LSTM, gate by gate, forward and backward
#
# Chapter 40 showed that the gradient of a simple recurrent network shrinks or grows by a factor at every step
# back in time. The long short-term memory (LSTM) gives the gradient a second road. In this chapter you walk both
# roads with a pocket calculator, on an LSTM with one unit and two steps, and then you prove every number.

# %% [markdown]
# ## The question
#
# An LSTM carries two numbers per unit from step to step: the cell state $c$ and the hidden state $h$. At the end
# there is a loss $L$. **If we change $c_1$ a little, how much does $L$ change, and on how many roads does that
# change travel?** Whoever can answer this for $c_1$ can write the whole backward pass.

# %%
import numpy as np

from scratchnn import check, probe, trace
from scratchnn.check.catalogue import bug, plant
from scratchnn.lessons import show as show_figure
from scratchnn.ops import lstm


def show(title, **numbers):
    """Print named numbers with four decimals, as one writes them on paper."""
    print(f"{title:<18}", "   ".join(f"{name} = {float(value):.4f}" for name, value in numbers.items()))


# %% [markdown]
# ## Derivation on paper-sized numbers
#
# ### Sub-goal 1: the forward pass
#
# One unit, one input feature. The four sums before the nonlinearities are called $a_i, a_f, a_g, a_o$:
#
# $$a_t = x_t W_x + h_{t-1} W_h + b$$
#
# | | input gate $i$ | forget gate $f$ | candidate $g$ | output gate $o$ |
# |---|---|---|---|---|
# | $W_x$ | 0.5 | 0.25 | 1.0 | -0.5 |
# | $W_h$ | 0.5 | -0.5 | 1.0 | 0.25 |
# | $b$ | 0 | 1 | 0 | 0 |
#
# Inputs $x_1 = 1$, $x_2 = -0.5$. Before the first step $h_0 = 0.2$ and $c_0 = 0.8$. At $t = 1$ the forget gate
# reads $a_f = 1 \cdot 0.25 + 0.2 \cdot (-0.5) + 1 = 1.15$, so $f_1 = \sigma(1.15) = 0.7595$. The other gates go
# alike. Then
#
# $$c_1 = f_1 c_0 + i_1 g_1 = 0.7595 \cdot 0.8 + 0.6457 \cdot 0.8337 = 1.1459$$
# $$s_1 = \tanh(c_1) = 0.8164 \qquad h_1 = o_1 s_1 = 0.3894 \cdot 0.8164 = 0.3179$$
#
# Read the line of $c_1$ aloud: *keep the share $f$ of the old state, add the share $i$ of something new.* Then
# compute step 2 yourself before you look at the output of this cell.

# %%
x = np.array([1.0, -0.5]).reshape(2, 1, 1)  # (T, B, D)
h0, c0 = np.array([[0.2]]), np.array([[0.8]])  # (B, H)
params = lstm.Params(
    W_x=np.array([[0.5, 0.25, 1.0, -0.5]]), W_h=np.array([[0.5, -0.5, 1.0, 0.25]]), b=np.array([0.0, 1.0, 0.0, 0.0])
)
cache = lstm.reference.forward(x, h0, c0, params)
for t in (1, 2):  # h and c hold the initial state in row 0, so row t is step t; the gates of step t are in row t - 1
    gates = {gate: getattr(cache, gate)[t - 1, 0, 0] for gate in "ifgo"}
    show(f"step {t}, gates", **gates)
    show(f"step {t}, states", c=cache.c[t, 0, 0], s=cache.s[t - 1, 0, 0], h=cache.h[t, 0, 0])

# %% [markdown]
# ### Sub-goal 2: the loss, and who feels it
#
# Let $L = 0.5\, h_1 + h_2$. So the loss itself pulls at $h_1$ with 0.5 and at $h_2$ with 1. We write $\delta$ in
# front of a name for "how much $L$ changes per unit of it", in code `d`: $\delta h_2$ is `dh_t` at $t = 2$.
#
# ### Sub-goal 3: step 2, from $h_2$ down to $c_2$
#
# Nothing comes after step 2, so $\delta h_2 = 1$. Since $h_2 = o_2 s_2$ is a product, each factor receives the
# other one:
#
# $$\delta o_2 = \delta h_2\, s_2 = 0.5940 \qquad \delta s_2 = \delta h_2\, o_2 = 0.5816$$
#
# Since $s_2 = \tanh(c_2)$, and the slope of $\tanh$ is $1 - \tanh^2$, that is $1 - s_2^2 = 0.6472$:
#
# $$\delta c_2 = \delta s_2\,(1 - s_2^2) = 0.5816 \cdot 0.6472 = 0.3764$$
#
# ### Sub-goal 4: from $c_2$ to the four names in its line
#
# $c_2 = f_2 c_1 + i_2 g_2$ holds four names. Each receives $\delta c_2$ times what stands beside it:
#
# $$\delta i_2 = \delta c_2\, g_2 = -0.0678 \qquad \delta g_2 = \delta c_2\, i_2 = 0.1797$$
# $$\delta f_2 = \delta c_2\, c_1 = 0.4314 \qquad \text{to } c_1:\ \delta c_2\, f_2 = 0.2529$$
#
# The last one is the **first road** from $L$ to $c_1$. It is multiplied by the forget gate and by nothing else:
# no weight matrix, no slope.
#
# ### Sub-goal 5: through the gates to the sums
#
# The slope of the sigmoid, written with its output, is $\sigma(1-\sigma)$. So
#
# $$\delta a_i = \delta i\; i(1-i), \quad \delta a_f = \delta f\; f(1-f), \quad \delta a_g = \delta g\,(1-g^2), \quad
#   \delta a_o = \delta o\; o(1-o)$$
#
# which gives $\delta a_2 = (-0.0169,\ 0.0951,\ 0.1738,\ 0.1445)$ in the order $i, f, g, o$. All four sums contain
# $h_1$, so $h_1$ receives four parts, and they **add**:
#
# $$0.5 \cdot (-0.0169) - 0.5 \cdot 0.0951 + 1 \cdot 0.1738 + 0.25 \cdot 0.1445 = 0.1539$$
#
# ### Sub-goal 6: step 1, where the roads meet
#
# $h_1$ has two receivers: the loss itself (0.5) and step 2 (0.1539). Hence $\delta h_1 = 0.6539$. It goes down
# through $o_1$ and $\tanh$ like before and reaches $c_1$ as
# $0.6539 \cdot 0.3894 \cdot 0.3335 = 0.0849$. This is the **second road**. The first brought 0.2529. They add:
#
# $$\delta c_1 = 0.2529 + 0.0849 = 0.3378$$
#
# This is the answer to our question: two roads into $c_1$, one through $c_2$ and one through $h_1$. The rest of
# step 1 repeats sub-goals 4 and 5 with 0.3378. The next cell does it with the library's `step_backward`.

# %%
dh = np.array([0.5, 1.0]).reshape(2, 1, 1)  # what the loss itself gives to h_1 and h_2
dh_next, dc_next = np.zeros((1, 1)), np.zeros((1, 1))
for t in (2, 1):
    nodes = lstm.reference.step(x[t - 1], cache.h[t - 1], cache.c[t - 1], params)
    dh_t = dh[t - 1] + dh_next
    through_h = dh_t * nodes.o * (1 - nodes.s**2)
    dc_t = dc_next + through_h
    show(f"step {t}, into c", from_c_next=dc_next[0, 0], from_h=through_h[0, 0], dc_t=dc_t[0, 0])
    dx_t, dh_next, dc_next, da_t = lstm.reference.step_backward(dh_t, dc_next, nodes, params)
    show(f"step {t}, the sums", da_i=da_t[0, 0], da_f=da_t[0, 1], da_g=da_t[0, 2], da_o=da_t[0, 3])
    show(f"step {t}, sent on", dx_t=dx_t[0, 0], dh_prev=dh_next[0, 0], dc_prev=dc_next[0, 0])

# %% [markdown]
# ### Sub-goal 7: the weights
#
# The same $W_x$, $W_h$ and $b$ were used at both steps. A thing used twice gets two parts, and again they add:
#
# $$\delta W_x = \sum_t x_t\, \delta a_t \qquad \delta W_h = \sum_t h_{t-1}\, \delta a_t \qquad
#   \delta b = \sum_t \delta a_t$$
#
# For the forget gate's bias: $0.0951 + 0.0494 = 0.1445$. With a batch of $B$ sequences there are $B$ parts per
# step; the products $x_t^\top \delta a_t$ and the sum over rows take care of them.

# %%
grads = lstm.reference.backward(dh, np.zeros((1, 1)), cache, params)
for name in ("W_x", "W_h", "b"):
    show(f"d{name}", **dict(zip("ifgo", np.ravel(getattr(grads, name)), strict=True)))

# %% [markdown]
# ## The library's own code
#
# Open `scratchnn/ops/lstm/reference.py`. There are four functions: `step` (eight lines, equations 1 to 8),
# `step_backward` right below it (equations 10 to 23), `forward` and `backward` with the loop over time. Each line
# bears the number of its equation. `backward` contains equation 9, `dh_t = dh[t] + dh_next`, and
# the three sums for the weights. The equations themselves stand as data in `equations.py`; here is the
# backward half (in a terminal: `scratchnn formula lstm`). Find each sub-goal above in it.

# %%
for equation in lstm.equations.BACKWARD:
    undone = "".join(f"({number})" for number in equation.undoes)
    print(f"({equation.number:>2})  {equation.text:<42} undoes {undone}")

# %% [markdown]
# ## Step through
#
# A derivation can be wrong in every line and still look tidy. So we measure $\delta c_1$ with a second method
# that knows nothing of the chain rule: the complex step of chapter 10. We rerun the LSTM from $c_1$ on, with
# $c_1$ moved by $10^{-30} i$, and read the imaginary part of the loss.

# %%
first = lstm.reference.step(x[0], h0, c0, params)


def loss_from_c1(moved):
    """The loss as a function of c_1 alone: h_1 and all of step 2 are computed anew from it."""
    h_1 = first.o * np.tanh(moved["c_1"])
    second = lstm.reference.step(x[1], h_1, moved["c_1"], params)
    return (0.5 * h_1 + second.h_t).sum()


measured = probe.complex_step(loss_from_c1, {"c_1": first.c_t})["c_1"][0, 0]
show("measured", dc_1=measured)
show("derived", dc_1=0.2529 + 0.0849)

# %% [markdown]
# The *time machine* does this for every line of a run: it records forward and backward, and each number stands beside
# its equation, what went in, and a measurement like the one above. In a terminal `scratchnn step lstm` walks through
# it with the arrow keys (`?` shows all keys, `m` lets you type each number before you see it), and
# `scratchnn step lstm --html lstm.html` makes a page of it. Here we record a run and ask for the two roads into the
# first cell state. The code counts steps from 0, so our $c_1$ is `c_t` at `t=0`.

# %%
walk = trace.record("lstm", T=8, B=1, D=3, H=4, seed=7)
event = walk.find("dc_t", t=0)
print(f"equation ({event.equation}) at t=0:  {event.text}")
for addend in event.addends:
    print(f"    {addend['source']:<20}", walk.array(addend["array"])[0].round(4))
print("together                ", walk.array(event.value)[0].round(4))
print(f"checked by {event.check.method}: error {event.check.error:.0e}")
show_figure(walk.plot("gradient flow"))

# %% [markdown]
# The picture shows how much of the gradient is left at each step, going back from right to left, and, dashed, how
# much the forget gates alone let through on the first road.

# %% [markdown]
# ## Predict, then run
#
# Put all weights to zero, so that only the bias $b_f$ of the forget gate is left, and let the loss be the final
# cell state, over 40 steps. The second road is closed then, because nothing depends on $h$. Each step multiplies
# by $f = \sigma(b_f)$.
#
# **Write down before you go on:** about how much of the gradient reaches $c_0$ for $b_f = 0$, and for $b_f = 3$?
# (Help: $\sigma(0) = 0.5$ and $\sigma(3) = 0.9526$. Is it nearer to a half, a tenth or a billionth?)

# %%
arrives = {}
for b_f in (0.0, 3.0):
    still = lstm.Params(np.zeros((1, 4)), np.zeros((1, 4)), np.array([0.0, b_f, 0.0, 0.0]))
    long = lstm.reference.forward(np.zeros((40, 1, 1)), np.zeros((1, 1)), np.ones((1, 1)), still)
    arrives[b_f] = lstm.reference.backward(np.zeros((40, 1, 1)), np.ones((1, 1)), long, still).c0[0, 0]
    print(f"b_f = {b_f}: {arrives[b_f]:.3g} of the gradient arrives at c_0")

# %% [markdown]
# With $b_f = 0$ it is $0.5^{40}$, a millionth of a millionth: such an LSTM forgets as fast as any simple network.
# With $b_f = 3$ it is $0.9526^{40}$, about a seventh. The LSTM does not *abolish* vanishing gradients. It gives
# the network a knob, $f$, and it can learn to turn it up. That is why many programs start $b_f$ at 1 or more.

# %% [markdown]
# ## Bug hunt
#
# Somebody wrote an LSTM, and one line of its backward pass is wrong. We call it `wrong`. The gradients look
# harmless. **Where is it?** First see which gradients are wrong at all.

# %%
culprit = bug("verp-c-rof-t-c-mtsl"[::-1])  # its name is written backwards, so that you can hunt
wrong = plant(culprit)
bad = wrong.backward(dh, np.zeros((1, 1)), cache, params)
for name in ("c0", "b"):
    right_one, wrong_one = (np.ravel(getattr(found, name)).round(4) for found in (grads, bad))
    print(f"d{name:<3} right {right_one}   wrong {wrong_one}")

# %% [markdown]
# `dc0` differs and several parts of `db` differ, so this does not tell much: what is wrong at step 2 spoils all
# of step 1. The trick is to **go to the last step**, where nothing can have been spoilt before.

# %%
last = lstm.reference.step(x[1], cache.h[1], cache.c[1], params)
_, _, right_carry, right_da = lstm.reference.step_backward(dh[1], np.zeros((1, 1)), last, params)
_, _, wrong_carry, wrong_da = wrong.step_backward(dh[1], np.zeros((1, 1)), last, params)
print("right da_2", right_da[0].round(4), "  carried to c_1:", right_carry[0].round(4))
print("wrong da_2", wrong_da[0].round(4), "  carried to c_1:", wrong_carry[0].round(4))
ratio = wrong_da[0, 1] / right_da[0, 1]
print(f"forget gate: wrong / right = {ratio:.4f}")
print(f"c_2 / c_1 = {cache.c[2, 0, 0] / cache.c[1, 0, 0]:.4f}")

# %% [markdown]
# Only the forget gate's number is wrong, and it is wrong by the factor 0.5967. A factor is a fingerprint: ask
# which two numbers of this step have that ratio. $c_2 / c_1$ has. So the line says `df = dc_t * c_t` where it
# must say `df = dc_t * c_prev`: in $c_t = f c_{t-1} + i g$, the neighbour of $f$ is the *old* state.
#
# The library does the same hunt by comparing with all its known mistakes, and this is its full check:

# %%
report = check.run("lstm.plain", backend=wrong)[0]
diagnosis = check.diagnose("lstm", wrong)
print(report)
print(diagnosis)

# %% [markdown]
# ## What to remember
#
# - Two roads lead back from step $t$ to step $t-1$: one through $c$ (times $f$), one through $h$ (times
#   $W_h^\top$).
# - A name with two receivers gets the **sum**: $\delta h_t$ = own loss + carry, $\delta c_t$ = carry + the part
#   through $h_t$. Dropping one of them is the most common mistake.
# - A product hands each factor the other factor: $\delta f = \delta c_t\, c_{t-1}$, the *old* state.
# - Slopes are taken of the value *after* the nonlinearity: $f(1-f)$, $1-g^2$, $1-s^2$.
# - Gradients of weights are sums over all steps and all rows of the batch.
# - Look for a bug at the last step first, and read ratios.
#
# Question to take along: if you check an LSTM with $T = 1$ and $h_0 = c_0 = 0$, which mistakes can you not see?
# (All of the carries, and everything multiplied by $c_0$ or $h_0$. So check with $T \ge 3$ and states that are
# not zero.)

# %%
assert np.allclose(cache.c[1:, 0, 0], [1.1459, 0.6837], atol=5e-5)  # sub-goal 1
dc_2 = last.o * (1 - last.s**2)  # sub-goals 3 and 4
four = np.ravel([dc_2 * last.g, dc_2 * last.i, dc_2 * last.c_prev, dc_2 * last.f])
assert np.allclose(1 - last.s**2, 0.6472, atol=5e-5)
assert np.allclose(four, [-0.0678, 0.1797, 0.4314, 0.2529], atol=5e-5)
assert np.allclose([dh_t, 1 - first.s**2], [[[0.6539]], [[0.3335]]], atol=5e-5)  # sub-goal 6: dh_1
assert abs(measured - (0.2529 + 0.0849)) < 1e-4  # sub-goals 4 and 6: the two roads
assert np.allclose(grads.b, [0.0475, 0.1445, 0.2404, 0.2715], atol=5e-5)  # sub-goal 7
assert len(event.addends) == 2
assert np.allclose(sum(walk.array(one["array"]) for one in event.addends), walk.array(event.value))
assert all(one.check.passed for one in walk.events if one.phase == "backward")
assert np.isclose(arrives[0.0], 0.5**40)
assert 0.14 < arrives[3.0] < 0.15
assert all(row.passed for row in check.run("lstm.plain")[0].rows)
assert not report.passed
assert not np.isclose(bad.b[1], grads.b[1])
assert np.isclose(ratio, cache.c[2, 0, 0] / cache.c[1, 0, 0])
assert [match.ids for match in diagnosis.matches] == [(culprit.id,)]
print("all assertions of this chapter hold")

# %% [markdown]
# ## Sources
#
# - S. Hochreiter, J. Schmidhuber: *Long Short-Term Memory.* Neural Computation 9, 1997. The cell and the constant
#   road through it.
# - F. Gers, J. Schmidhuber, F. Cummins: *Learning to Forget.* Neural Computation 12, 2000. The forget gate.
# - K. Greff et al.: *LSTM: A Search Space Odyssey.* IEEE TNNLS 28, 2017. Backward pass in full, section II.
# - R. Jozefowicz, W. Zaremba, I. Sutskever: *An Empirical Exploration of Recurrent Network Architectures.* ICML
#   2015. Why the forget gate's bias should start at 1.
