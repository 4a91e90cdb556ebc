# %% [markdown]
# # 20 · The chain rule, backward through matrices
#
# A neural network is a long chain of small steps. In this chapter you learn to walk such a chain backward. Four
# patterns are enough for everything that follows in this course: a product, a sum over many roads, a name that is
# used twice, and a small array that was added to a large one.

# %% [markdown]
# ## The question
#
# A batch of two rows $x$ goes through a layer $y = xW + b$ and ends in a loss $L$. Somebody tells you how much
# $L$ changes per unit of every entry of $y$. **How much does $L$ change per unit of every entry of $x$, $W$ and
# $b$?** And why do the formulas contain transposes?

# %%
import numpy as np

from scratchnn import check, probe
from scratchnn.check.catalogue import bug, plant
from scratchnn.ops import linear

# %% [markdown]
# ## Derivation on paper-sized numbers
#
# ### Sub-goal 1: names for "how much L changes"
#
# Write $\delta$ in front of a name: $\delta y$ has the shape of $y$, and its entry says how much $L$ changes if
# that entry of $y$ grows by a little, per unit. In code it is `dy`. That is all. We never need a derivative of
# one array with respect to another, only of $L$ with respect to arrays.
#
# ### Sub-goal 2: one entry at a time
#
# $$x = \begin{pmatrix} 1 & 2 \\ 0 & -1 \end{pmatrix} \quad
#   W = \begin{pmatrix} 1 & 0 & 2 \\ -1 & 3 & 1 \end{pmatrix} \quad
#   b = (0.5,\ 0,\ -1) \quad
#   y = xW + b = \begin{pmatrix} -0.5 & 6 & 3 \\ 1.5 & -3 & -2 \end{pmatrix}$$
#
# Suppose $\delta y = \begin{pmatrix} 1 & 0 & 2 \\ -1 & 1 & 0 \end{pmatrix}$. Look at one weight, $W_{21} = -1$
# (row 2, column 1). Where was it used?
#
# - in $y_{11} = x_{11} W_{11} + x_{12} W_{21} + b_1$, beside $x_{12} = 2$
# - in $y_{21} = x_{21} W_{11} + x_{22} W_{21} + b_1$, beside $x_{22} = -1$
#
# If $W_{21}$ grows by a little, $y_{11}$ grows by 2 times that, and $y_{21}$ shrinks by 1 times that. Two roads
# lead to $L$, so **add**:
# $\delta W_{21} = 2 \cdot \delta y_{11} + (-1) \cdot \delta y_{21} = 2 \cdot 1 + (-1)(-1) = 3$.
#
# ### Sub-goal 3: all entries at once
#
# In general $W_{dj}$ is used in $y_{nj}$ of every row $n$, beside $x_{nd}$. So
#
# $$\delta W_{dj} = \sum_n x_{nd}\, \delta y_{nj} \qquad\text{that is}\qquad \delta W = x^\top \delta y$$
#
# The transpose is no magic. It is there because the sum runs over the *first* index of $x$, while a matrix
# product sums over the second index of its left factor. In the same way $x_{nd}$ is used in $y_{nj}$ for every
# column $j$, beside $W_{dj}$:
#
# $$\delta x_{nd} = \sum_j \delta y_{nj}\, W_{dj} \qquad\text{that is}\qquad \delta x = \delta y\, W^\top$$
#
# ### Sub-goal 4: the bias was copied
#
# $b$ has three entries, $xW$ has two rows of three. Adding them *copies* $b$ to both rows (NumPy calls it
# broadcasting). So $b_j$ is used once per row, and receives a sum over the rows:
# $\delta b_j = \sum_n \delta y_{nj}$. Forward copies, backward sums. This is always so.
#
# On our numbers, please do it by hand before you run the cell:
#
# $$\delta W = \begin{pmatrix} 1 & 0 & 2 \\ 3 & -1 & 4 \end{pmatrix} \qquad
#   \delta x = \begin{pmatrix} 5 & 1 \\ -1 & 4 \end{pmatrix} \qquad
#   \delta b = (0,\ 1,\ 2)$$

# %%
x = np.array([[1.0, 2.0], [0.0, -1.0]])
W = np.array([[1.0, 0.0, 2.0], [-1.0, 3.0, 1.0]])
b = np.array([0.5, 0.0, -1.0])
dy = np.array([[1.0, 0.0, 2.0], [-1.0, 1.0, 0.0]])
dW, dx, db = x.T @ dy, dy @ W.T, dy.sum(axis=0)
print("dW\n", dW)
print("dx\n", dx)
print("db\n", db)

# %% [markdown]
# ### Sub-goal 5: a name that is used twice
#
# Let $z = y\,\tanh(y)$, entry by entry. Here $y$ has **two** receivers: it is a factor itself, and it is inside
# the $\tanh$. Take the two roads apart, $z = u \cdot s$ with $u = y$ and $s = \tanh(y)$. A product hands each
# factor the other one:
#
# $$\delta u = \delta z\, s \qquad \delta s = \delta z\, u$$
#
# Then $\delta s$ goes through $\tanh$, whose slope is $1 - s^2$ (chapter 10). Both roads end in $y$, so add:
#
# $$\delta y = \delta z\, s + \delta z\, y\,(1 - s^2)$$
#
# At $y = 0.5$ and $\delta z = 1$: $s = 0.4621$ and $0.4621 + 0.5 \cdot 0.7864 = 0.8553$. Whoever picks only one
# road gets 0.4621 or 0.3932. Both look reasonable, and both are wrong.

# %%
s = np.tanh(0.5)
both_roads = s + 0.5 * (1 - s**2)
measured_z = probe.complex_step(lambda at: (at["y"] * np.tanh(at["y"])).sum(), {"y": np.array([0.5])})["y"][0]
print(f"one road {s:.4f}, other road {0.5 * (1 - s**2):.4f}, both {both_roads:.4f}, measured {measured_z:.4f}")

# %% [markdown]
# ## The library's own code
#
# `scratchnn/ops/linear/reference.py`: `forward` is one line, `backward` is three, one for each of $x$, $W$ and
# $b$. It takes any number of axes before the last one, so it sums over all of them. Read it now, it is short. Its
# equations:

# %%
params = linear.Params(W, b)
cache = linear.reference.forward(x, params)
grads = linear.reference.backward(dy, cache, params)
for equation in (*linear.equations.FORWARD, *linear.equations.BACKWARD):
    print(f"({equation.number})  {equation.text}")
print("y\n", cache.y)

# %% [markdown]
# ## Step through
#
# Now a chain of two layers, $h = \tanh(xW + b)$ and $y = hV$, with $V = (1, -1, 2)^\top$, and a loss that is the
# sum of $y$. We go backward one step at a time and keep every intermediate gradient. The rule is always the same:
# *take the gradient of the output of this step, give back the gradient of its input.*

# %%
V = np.array([[1.0], [-1.0], [2.0]])
first = linear.reference.forward(x, params)
h = np.tanh(first.y)
second = linear.reference.forward(h, linear.Params(V))
step_1 = np.ones((2, 1))  # dL/dy: the loss is the sum of y
step_2 = linear.reference.backward(step_1, second, linear.Params(V))  # through y = h V
step_3 = step_2.x * (1 - h * h)  # through tanh
step_4 = linear.reference.backward(step_3, first, params)  # through x W + b
for title, array in (("dy", step_1), ("dh", step_2.x), ("da", step_3), ("dW", step_4.W), ("db", step_4.b)):
    print(f"{title} {array.shape}\n", array.round(4))

# %% [markdown]
# Look at `dh`: both rows are $(1, -1, 2)$, the column of $V$ lying down, because $\delta h = \delta y\, V^\top$.
# Look at `da`: where $a$ was 6, $\tanh$ is flat, and next to nothing comes through. Now let the complex step of
# chapter 10 judge it; it knows no chain rule.

# %%


def loss(moved):
    """The two layers as a plain function of W and b."""
    return (np.tanh(x @ moved["W"] + moved["b"]) @ V).sum()


measured = probe.complex_step(loss, {"W": W, "b": b})
print("largest difference in dW:", np.abs(measured["W"] - step_4.W).max())

# %% [markdown]
# ## Predict, then run
#
# A value $m$ is computed once per row as the mean of the three entries, $m_n = \frac{1}{3}\sum_j y_{nj}$, and
# then *subtracted from every entry* of that row: $z_{nj} = y_{nj} - m_n$. The loss hands back $\delta z$.
#
# **Write down:** what is $\delta y$, if $\delta z = (3, 0, 0)$ in a row? Hint: $y_{n1}$ has four roads to $L$:
# one directly and three through $m_n$. Does the sum of $\delta y$ over the row have to be zero, and why?

# %%
dz = np.array([3.0, 0.0, 0.0])
directly = dz
dm = -dz.sum()  # m was copied to three entries with a minus: backward sums
through_mean = dm / 3 * np.ones(3)  # m is a mean of three entries: each gets a third
dy_row = directly + through_mean
print("directly", directly, "  through the mean", through_mean, "  dy", dy_row)
measured_row = probe.complex_step(
    lambda moved: ((moved["y"] - moved["y"].mean()) * dz).sum(), {"y": np.array([1.0, 5.0, -2.0])}
)["y"]
print("measured", measured_row)

# %% [markdown]
# $(2, -1, -1)$. The sum is zero because adding the same number to the whole row changes no $z$, so it cannot
# change $L$. Find such *laws* for your own functions. They cost nothing and catch mistakes. The softmax of
# chapter 60 obeys the same one.
#
# ## Bug hunt
#
# Somebody knew that $\delta W$ needs the shape $(2, 3)$. **What did they do?** Compare the numbers with the right
# ones, not only the shape.

# %%
culprit = bug("depahser-Wd-raenil"[::-1])  # its name is written backwards, so that you can hunt
wrong = plant(culprit)
bad = wrong.backward(dy, cache, params)
print("right dW\n", grads.W)
print("wrong dW\n", bad.W)
print("dy.T @ x\n", dy.T @ x)

# %% [markdown]
# The same six numbers stand in both, in another order. Read the last matrix, $\delta y^\top x$, row by row: 1, 3,
# 0, -1, 2, 4. This is what the wrong one contains, poured into two rows of three. A `reshape` is not a transpose:
# it keeps the order of reading and moves every number to a wrong place. Shapes that fit prove nothing. With a
# square matrix not even the shape would have warned anybody.

# %%
report = check.run("linear.bias", backend=wrong)[0]
diagnosis = check.diagnose("linear", wrong)
print(report)
print(diagnosis)

# %% [markdown]
# ## What to remember
#
# - $\delta$name has the shape of the name, always.
# - Ask of each name: where was it used, and beside what? Each use is a road. Roads add.
# - $y = xW$: $\delta W = x^\top\delta y$, $\delta x = \delta y\,W^\top$. Derive it from one entry if you forget
#   it.
# - Forward copies, backward sums. Forward sums, backward copies.
# - A shape that fits proves nothing; `reshape` is not a transpose.
# - Laws such as "the sum is zero" are free tests.

# %%
assert np.array_equal(dW, [[1, 0, 2], [3, -1, 4]])
assert np.array_equal(dx, [[5, 1], [-1, 4]])
assert np.array_equal(db, [0, 1, 2])
for name, by_hand in (("W", dW), ("x", dx), ("b", db)):
    assert np.array_equal(getattr(grads, name), by_hand)
assert np.isclose(both_roads, 0.8553, atol=5e-5)
assert np.isclose(both_roads, measured_z, rtol=1e-14)
assert np.allclose(measured["W"], step_4.W, rtol=1e-13, atol=1e-15)
assert np.allclose(measured["b"], step_4.b, rtol=1e-13, atol=1e-15)
assert np.allclose(dy_row, [2, -1, -1])
assert np.allclose(measured_row, dy_row)
assert np.array_equal(np.sort(bad.W, axis=None), np.sort(grads.W, axis=None))
assert not np.array_equal(bad.W, grads.W)
assert not report.passed
assert [match.ids for match in diagnosis.matches] == [(culprit.id,)]
print("all assertions of this chapter hold")

# %% [markdown]
# ## Sources
#
# - S. Linnainmaa: *Taylor Expansion of the Accumulated Rounding Error.* BIT 16, 1976 (thesis 1970). The chain
#   rule computed backward.
# - D. Rumelhart, G. Hinton, R. Williams: *Learning Representations by Back-propagating Errors.* Nature 323, 1986.
# - A. Baydin, B. Pearlmutter, A. Radul, J. Siskind: *Automatic Differentiation in Machine Learning: a Survey.*
#   JMLR 18, 2018. What frameworks do by themselves.
