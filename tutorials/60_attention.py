# %% [markdown]
# # 60 · Softmax and attention, forward and backward
#
# The LSTM of chapter 50 must squeeze all it has read into one state. Attention lets a network look back at
# *every* state and take a mean of them, with weights that it chooses itself. In this chapter you choose the
# weights by hand, send a gradient back through them, and see why the softmax is the place where most people slip.

# %% [markdown]
# ## The question
#
# A query looks at three sources and mixes their values into one number, the context. Then the loss says: *that
# number should have been larger.* **Which sources should get more weight, which less, and by how much each?** It
# is not enough that a source has a large value. You will see why.

# %%
import numpy as np

from scratchnn import check, probe
from scratchnn.check.catalogue import bug, plant
from scratchnn.ops import attention


def show(title, array):
    """Print an array with four decimals, as one writes it on paper."""
    print(f"{title:<22}", np.ravel(array).round(4) + 0.0)


# %% [markdown]
# ## Derivation on paper-sized numbers
#
# ### Sub-goal 1: scores, weights, context
#
# The query $q$ and each key $k_j$ are vectors. Their dot product is the **score** $s_j = q \cdot k_j$: how well
# they fit. The numbers are chosen so that everything comes out round: $q = (1, 0)$ and the first entries of the
# keys are $\ln 2$, $0$ and $\ln 5$. Hence the scores are $\ln 2, 0, \ln 5$. The **softmax** makes weights of them
# that are positive and sum to 1:
#
# $$\alpha_j = \frac{e^{s_j}}{\sum_{m} e^{s_m}} = \frac{2}{8},\ \frac{1}{8},\ \frac{5}{8}$$
#
# The values are $v = 4, 0, 8$. The **context** is their mean with these weights:
#
# $$c = \sum_j \alpha_j v_j = \tfrac{2}{8}\cdot 4 + \tfrac{1}{8}\cdot 0 + \tfrac{5}{8}\cdot 8 = 6$$

# %%
q = np.array([[[1.0, 0.0]]])  # (B, Q, E): one sequence, one query
k = np.array([[[np.log(2), 1.0], [0.0, 2.0], [np.log(5), -1.0]]])  # (B, S, E): three sources
v = np.array([[[4.0], [0.0], [8.0]]])  # (B, S, F)
cache = attention.reference.forward(q, k, v, score="dot")
show("scores", cache.scores)
show("alpha", cache.alpha)
show("context", cache.context)

# %% [markdown]
# ### Sub-goal 2: back to values and weights
#
# Let $L = c$, so $\delta c = 1$ ($\delta$ in front of a name means: how much $L$ changes per unit of it). $c$ is
# a sum of products, and each factor receives the other one:
#
# $$\delta v_j = \alpha_j\,\delta c = 0.25,\ 0.125,\ 0.625 \qquad \delta \alpha_j = v_j\,\delta c = 4,\ 0,\ 8$$
#
# ### Sub-goal 3: back through the softmax
#
# Raise one score $s_j$ a little. Its own numerator grows, but *the denominator grows too*, and the denominator
# stands below every weight. The quotient rule gives two cases:
#
# $$\frac{\partial \alpha_m}{\partial s_j} = \alpha_m (1 - \alpha_m) \ \text{ if } m = j, \qquad
#   \frac{\partial \alpha_m}{\partial s_j} = -\alpha_m \alpha_j \ \text{ if } m \neq j$$
#
# $L$ depends on $s_j$ through all the weights, so add over $m$ (chapter 20: many roads, add):
#
# $$\delta s_j = \sum_m \delta\alpha_m \frac{\partial \alpha_m}{\partial s_j}
#   = \alpha_j\,\delta\alpha_j - \alpha_j \sum_m \alpha_m\,\delta\alpha_m
#   = \alpha_j \Bigl(\delta\alpha_j - \sum_m \alpha_m\,\delta\alpha_m\Bigr)$$
#
# Put the numbers in. The sum is $\tfrac{2}{8} \cdot 4 + \tfrac{1}{8} \cdot 0 + \tfrac{5}{8} \cdot 8 = 6$. So
#
# $$\delta s = 0.25\,(4 - 6),\ \ 0.125\,(0 - 6),\ \ 0.625\,(8 - 6) = -0.5,\ -0.75,\ 1.25$$
#
# This answers the question. **A source gets more weight if its value lies above the mean that we have now.** The
# first source has the value 4, which is positive and still too small, so it loses. And $-0.5 - 0.75 + 1.25 = 0$:
# the $\delta s$ always sum to zero, because adding the same number to all scores changes no weight.
#
# ### Sub-goal 4: back to query and keys
#
# $s_j = q \cdot k_j$ is a product, once more: $\delta q = \sum_j \delta s_j\, k_j$ and
# $\delta k_j = \delta s_j\, q$. The query took part in three scores, so it receives three parts. With
# $q = (1, 0)$ the first entries of $\delta k_j$ are just the $\delta s_j$.

# %%
grads = attention.reference.backward(np.ones((1, 1, 1)), cache)
show("dv", grads.v)
show("ds, seen in dk", grads.k[0, :, 0])
show("dq", grads.q)

# %% [markdown]
# ### Sub-goal 5: the additive score
#
# A dot product needs query and key of one width, and it can only multiply. Bahdanau's **additive** score uses a
# small network instead: $a_j = q\,W_q + k_j W_k$, then $u_j = \tanh(a_j)$, then $s_j = u_j \cdot v_a$. On paper
# with single numbers: $W_q = 1$, $W_k = 0.5$, $v_a = 2$, the query is $0.5$ and the keys are $-1, 0, 1$. Then
#
# $$a = 0,\ 0.5,\ 1 \qquad u = 0,\ 0.4621,\ 0.7616 \qquad s = 0,\ 0.9242,\ 1.5232$$
#
# With the same values $4, 0, 8$ the softmax of sub-goal 3 gives $\delta s = -0.1258, -1.5604, 1.6862$. Further
# back:
#
# - $v_a$ took part in every pair: $\delta v_a = \sum_j \delta s_j u_j = 0.5631$
# - through the $\tanh$: $\delta a_j = \delta s_j\, v_a\,(1 - u_j^2)$
# - $q\,W_q$ was **one** number, added to three keys. So it receives a sum: $\delta (q W_q) = \sum_j \delta a_j$
# - each $k_j W_k$ was used once here; with several queries it would receive a sum over the queries.

# %%
params = attention.Params(W_q=np.array([[1.0]]), W_k=np.array([[0.5]]), v_a=np.array([2.0]))
q_1, k_1 = np.array([[[0.5]]]), np.array([[[-1.0], [0.0], [1.0]]])
additive = attention.reference.forward(q_1, k_1, v, params, score="additive")
show("u = tanh(a)", additive.hidden)
show("scores", additive.scores)
show("alpha", additive.alpha)
additive_grads = attention.reference.backward(np.ones((1, 1, 1)), additive, params)
ds = additive.alpha * (v[:, :, 0] - additive.context)
da = ds * 2.0 * (1 - additive.hidden[..., 0] ** 2)
show("ds by hand", ds)
show("dq by hand", da.sum() * 1.0)
show("dq of the library", additive_grads.q)
show("dv_a", additive_grads.v_a)

# %% [markdown]
# ## The library's own code
#
# `scratchnn/ops/attention/reference.py`: `forward` computes the scores, then `alpha` (equation 7), then `context`
# (equation 8). `backward` undoes them in the opposite order; its line `dscores = alpha * (...)` is sub-goal 3.
# For each kind of score there is a pair of small functions, such as `additive_scores` and
# `additive_scores_backward`. The layers `Attention`, `SelfAttention` and `AttentionPooling` of
# `scratchnn/layers/` own the weights and call these.

# %%
for equation in attention.equations.BACKWARD:
    if equation.number in attention.equations.SCORES["additive"]["backward"]:
        print(f"({equation.number:>2})  {equation.text}")

# %% [markdown]
# ## Step through
#
# Do not believe the derivation, measure it. The complex step (chapter 10) moves one score at a time and
# recomputes only softmax and context. It knows nothing of sub-goal 3.

# %%


def context_of(moved):
    """Softmax and weighted mean, written out, as a function of the scores."""
    e = np.exp(moved["scores"])
    return (e / e.sum() * np.array([4.0, 0.0, 8.0])).sum()


measured = probe.complex_step(context_of, {"scores": np.log([2.0, 1.0, 5.0])})["scores"]
show("ds measured", measured)
show("ds derived", [-0.5, -0.75, 1.25])

# %% [markdown]
# `scratchnn step attention` walks through such a run line by line, forward and backward, and measures every gradient.
# `scratchnn step attention --html attention.html` makes a page of it, with the row of the softmax's derivatives that
# sub-goal 3 multiplies by, off-diagonals included.
#
# A **mask** forbids a source. It belongs on the scores, before the softmax: the remaining weights then still sum
# to 1. Forbid the third source. Right: $2 : 1$, so $\tfrac{2}{3}$ and $\tfrac{1}{3}$. Wrong: compute the weights
# first and then put the third one to zero; $\tfrac{2}{8} + \tfrac{1}{8}$ is not 1.

# %%
masked = attention.reference.forward(q, k, v, score="dot", mask=np.array([[[True, True, False]]]))
show("alpha, masked scores", masked.alpha)
show("alpha, zeroed after", cache.alpha * [1.0, 1.0, 0.0])

# %% [markdown]
# ## Predict, then run
#
# Queries and keys of width $E$, all entries drawn with standard deviation 1. Their dot product sums $E$ products,
# so its standard deviation is $\sqrt{E}$.
#
# **Write down:** a query looks at ten keys. What is the standard deviation of the scores at $E = 64$? Will the
# largest of the ten weights be near 0.1, near 0.5 or near 1? And what becomes of the gradient then, which
# contains the factor $\alpha(1 - \alpha)$?

# %%
rows = {}
print(f"{'E':>4}  score       std of scores  largest alpha  mean of alpha (1 - alpha)")
for E in (4, 64, 256):
    rng = np.random.default_rng(0)
    queries, keys, values = (rng.normal(size=size) for size in ((200, 1, E), (200, 10, E), (200, 10, 3)))
    for score in ("dot", "scaled_dot"):
        seen = attention.reference.forward(queries, keys, values, score=score)
        slope = np.mean(seen.alpha * (1 - seen.alpha))
        rows[E, score] = seen.scores.std(), seen.alpha.max(axis=2).mean(), slope
        print(f"{E:>4}  {score:<10}  {rows[E, score][0]:13.2f}  {rows[E, score][1]:13.2f}  {slope:25.4f}")

# %% [markdown]
# At $E = 64$ the plain scores have a deviation of 8, one source takes most of the weight before anything was
# learnt, and the gradient of the scores shrinks to a quarter. Divided by $\sqrt{E}$ the scores stay at deviation
# 1 for every width. That is all that "scaled" means in *scaled dot product*.

# %% [markdown]
# ## Bug hunt
#
# Here is a backward pass with one wrong line. `dv` is right, `dq` and `dk` are wrong. With $q = (1, 0)$ the first
# entries of `dk` show you its $\delta s$. **What is wrong?** There is a law to test first: the sum of all
# $\delta s_j$.

# %%
culprit = bug("esiwtnemele-xamtfos-noitnetta"[::-1])  # its name is written backwards, so that you can hunt
wrong = plant(culprit)
bad = wrong.backward(np.ones((1, 1, 1)), cache)
show("dv", bad.v)
show("ds, seen in dk", bad.k[0, :, 0])
show("their sum", bad.k[0, :, 0].sum())

# %% [markdown]
# The sum is 2.625 and must be 0, so the softmax is undone wrongly. Now read the numbers:
# $0.75 = 4 \cdot 0.25 \cdot 0.75$ and $1.875 = 8 \cdot 0.625 \cdot 0.375$. That is
# $\delta\alpha_j\,\alpha_j(1 - \alpha_j)$: only the first case of sub-goal 3, as if each weight depended on its
# own score alone. It is the slope of the *sigmoid*. In a softmax every weight depends on every score. By this
# wrong gradient the first source would win weight, though its value is below the mean.

# %%
report = check.run("attention.dot.plain", backend=wrong)[0]
diagnosis = check.diagnose("attention", wrong)
print(report)
print(diagnosis)

# %% [markdown]
# ## What to remember
#
# - Context = mean of the values, weighted by the softmax of the scores.
# - Through the softmax: $\delta s_j = \alpha_j(\delta\alpha_j - \text{mean of } \delta\alpha)$. Above the mean
#   wins, below loses, and the sum is zero. Test this sum first.
# - What was copied to many places (a query to all keys, $v_a$ to all pairs) receives a sum.
# - Mask the scores, not the weights. Scale dot products by $1/\sqrt{E}$.
# - With a single key $\alpha = 1$ and $\delta s = 0$: such a check sees nothing of the scores. Use five keys.

# %%
assert np.allclose(cache.alpha[0, 0], [0.25, 0.125, 0.625])
assert np.isclose(cache.context.item(), 6)
assert np.allclose(grads.k[0, :, 0], [-0.5, -0.75, 1.25])  # sub-goal 3
assert np.allclose(measured, [-0.5, -0.75, 1.25], rtol=1e-12)
assert np.allclose(ds.ravel(), [-0.1258, -1.5604, 1.6862], atol=5e-5)  # sub-goal 5
assert np.isclose(da.sum(), additive_grads.q.item())
assert np.isclose(additive_grads.v_a.item(), 0.5631, atol=5e-5)
assert np.allclose(masked.alpha[0, 0], [2 / 3, 1 / 3, 0])
assert 7 < rows[64, "dot"][0] < 9
assert rows[64, "dot"][1] > 0.8
assert rows[64, "dot"][2] < 0.3 * rows[64, "scaled_dot"][2]
assert all(item.passed for name in ("dot", "additive") for item in check.run(f"attention.{name}.plain"))
assert not report.passed
assert np.isclose(bad.k[0, :, 0].sum(), 2.625)
assert [match.ids for match in diagnosis.matches] == [(culprit.id,)]
print("all assertions of this chapter hold")

# %% [markdown]
# ## Sources
#
# - J. Bridle: *Probabilistic Interpretation of Feedforward Classification Network Outputs.* 1990. The softmax and
#   its derivatives.
# - D. Bahdanau, K. Cho, Y. Bengio: *Neural Machine Translation by Jointly Learning to Align and Translate.* ICLR
#   2015. The additive score.
# - M.-T. Luong, H. Pham, C. Manning: *Effective Approaches to Attention-based Neural Machine Translation.* EMNLP
#   2015. The dot and general scores.
# - A. Vaswani et al.: *Attention Is All You Need.* NeurIPS 2017. Why scores are divided by $\sqrt{E}$.
