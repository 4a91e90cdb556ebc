# %% [markdown]
# # 10 · Derivatives, measured
#
# Every later chapter derives gradients by hand. Hands make mistakes, so we first need a judge: a way to *measure*
# a derivative without any rules of calculus. In this chapter you measure the slope of $x^3$ with four methods on
# paper, learn which one to trust, and see what each costs you.

# %% [markdown]
# ## The question
#
# The slope of $f$ at $x$ is the limit of $\frac{f(x+h) - f(x)}{h}$ as $h$ goes to zero. A computer cannot take a
# limit, it must choose some $h$. **How small should $h$ be?** "As small as possible" is the obvious answer, and
# it is wrong.

# %%
import numpy as np

from scratchnn import check, draw, probe
from scratchnn.check.catalogue import bug, plant
from scratchnn.lessons import show
from scratchnn.ops import activations

# %% [markdown]
# ## Derivation on paper-sized numbers
#
# Take $f(x) = x^3$ at $x = 2$. The rules say $f'(2) = 3 \cdot 2^2 = 12$. We pretend not to know that.
#
# ### Sub-goal 1: the forward difference
#
# With $h = 0.1$:
#
# $$\frac{f(2.1) - f(2)}{0.1} = \frac{9.261 - 8}{0.1} = 12.61$$
#
# The error is 0.61. Where does it come from? Expand $(2+h)^3 = 8 + 12h + 6h^2 + h^3$, subtract 8, divide by $h$:
# $12 + 6h + h^2$. So the error is $6h + h^2$, for small $h$ about $6h$. Ten times smaller $h$, ten times smaller
# error.
#
# ### Sub-goal 2: the central difference
#
# Look in both directions:
#
# $$\frac{f(2.1) - f(1.9)}{0.2} = \frac{9.261 - 6.859}{0.2} = 12.01$$
#
# The error is only 0.01. Expand $(2-h)^3 = 8 - 12h + 6h^2 - h^3$ and subtract: the terms $8$ and $6h^2$ cancel,
# and $12 + h^2$ is left. The error is $h^2$: ten times smaller $h$, a *hundred* times smaller error.
#
# ### Sub-goal 3: Richardson's trick
#
# Call the central difference $D(h)$. We know the *form* of its error: some number times $h^2$. Half the step has
# a quarter of the error. Two equations, two unknowns (the slope $D$ and the error $e$):
#
# $$D(0.1) = 12.01 = D + e \qquad D(0.05) = 12.0025 = D + \tfrac{e}{4}$$
#
# Multiply the second by 4, subtract the first, divide by 3:
#
# $$D = \frac{4 \cdot 12.0025 - 12.01}{3} = 12.0000$$
#
# ### Sub-goal 4: the complex step
#
# Go into a direction that $x$ never takes: the imaginary one, with $i^2 = -1$.
#
# $$(2 + ih)^3 = 8 + 12\,ih + 6\,(ih)^2 + (ih)^3 = (8 - 6h^2) + i\,(12h - h^3)$$
#
# Take the imaginary part and divide by $h$: $12 - h^2$. The error is $h^2$ again. But look what did *not* happen:
# no two close numbers were subtracted. Therefore we may take $h = 10^{-30}$, and the error is $10^{-60}$, which
# is nothing.


# %%
def f(x):
    """The function of this chapter."""
    return x**3


h = 0.1
forward = (f(2 + h) - f(2)) / h
central = (f(2 + h) - f(2 - h)) / (2 * h)
halved = (f(2 + h / 2) - f(2 - h / 2)) / h
extrapolated = (4 * halved - central) / 3
tiny = 1e-30
complex_step = f(2 + 1j * tiny).imag / tiny
print(f"forward {forward:.4f}   central {central:.4f}   half the step {halved:.4f}")
print(f"Richardson {extrapolated:.12f}   complex step {complex_step}")

# %% [markdown]
# ## The library's own code
#
# The package `scratchnn/probe/` holds the same methods for functions of many arrays. It knows nothing of neural
# networks. `central_difference` and `richardson` are in `differences.py`, `complex_step` is in
# `complex_plane.py`. They take a *loss*: any function from a dict of arrays to one number.

# %%
inputs = {"x": np.array([2.0, 3.0])}


def loss(moved):
    """The sum of the cubes; its gradient is 3 x squared."""
    return (moved["x"] ** 3).sum()


print("central    ", probe.central_difference(loss, inputs)["x"])
print("complex    ", probe.complex_step(loss, inputs)["x"])
found = probe.richardson(loss, inputs)
print("Richardson ", found.grads["x"], "  it believes to be wrong by at most", found.errors["x"].max())

# %% [markdown]
# `richardson` chose its own step, and it says how wrong it may be. That is what a judge must do.
#
# ## Step through
#
# Why not $h = 10^{-12}$ in the central difference? Because a computer keeps about 16 digits of each number.
# $f(2+h)$ and $f(2-h)$ then agree in the first 11 or 12 of them, so only 4 or 5 digits are left in their
# difference. Watch it.

# %%
errors = {}
for exponent in (1, 3, 5, 7, 9, 11, 13):
    h = 10.0**-exponent
    up, down = f(2 + h), f(2 - h)
    errors[exponent] = abs((up - down) / (2 * h) - 12)
    print(f"h = 1e-{exponent:02d}   f(2+h) = {up:.16f}   f(2-h) = {down:.16f}   error {errors[exponent]:.0e}")

# %% [markdown]
# First the error falls with $h^2$ (this part is called *truncation*). Then it rises, because each $f$ is wrong in
# its last digit by about $\varepsilon = 2 \cdot 10^{-16}$ of its size, and we divide that by $h$ (this part is
# *rounding*). The sum is about
#
# $$\text{error} \approx h^2 + \frac{\varepsilon}{h}$$
#
# up to factors of the size of $f$. It is smallest where both parts are about equal: $h^3 = \varepsilon$.
#
# ## Predict, then run
#
# **Write down three numbers** for $f(x) = e^x$ at $x = 1$, where everything is of size 1:
#
# 1. The best $h$ for the central difference. (Solve $h^3 = 2 \cdot 10^{-16}$.)
# 2. The best $h$ for the forward difference. (Its truncation is about $h$, so solve $h^2 = 2 \cdot 10^{-16}$.)
# 3. How many correct digits does each have there?

# %%
curve = probe.error_curve(lambda moved: np.exp(moved["x"]).sum(), {"x": np.array([1.0])}, "x", index=(0,))
print("h           forward     central  Richardson  complex step")
for row in range(0, 61, 6):
    values = (curve.forward[row], curve.central[row], curve.richardson[row], curve.complex[row])
    print(f"{curve.steps[row]:.0e}  " + "  ".join(f"{value:10.0e}" for value in values))
show(draw.step_curve(curve, title="Error of four derivatives of exp at 1"))

# %% [markdown]
# Central: best near $6 \cdot 10^{-6}$, with about 10 or 11 digits. Forward: best near $10^{-8}$, with 8 digits.
# Richardson reaches 14 digits at a *large* step, near 0.01, where rounding is harmless. The complex step is right
# to the last digit for every $h$ below $10^{-8}$.
#
# Then why not use the complex step always? Because it can only pass through code that keeps the imaginary part.
# Here are two functions that do not. The first is found out. The second multiplies the lost part by something
# that still is complex: it returns a number, and the number is wrong.

# %%
try:
    probe.complex_step(lambda moved: np.abs(moved["x"]).sum(), {"x": np.array([-2.0])})
    refused = ""
except probe.ImaginaryPartLost as lost:
    refused = str(lost)
print("refused:", refused)


def half_lost(moved):
    """|x| x, which is -x**2 for negative x: its slope at -2 is 4."""
    return (np.abs(moved["x"]) * moved["x"]).sum()


by_complex = probe.complex_step(half_lost, {"x": np.array([-2.0])})["x"][0]
by_differences = probe.richardson(half_lost, {"x": np.array([-2.0])}).grads["x"][0]
print(f"|x| x at -2: complex step {by_complex:.4f}, Richardson {by_differences:.4f}")

# %% [markdown]
# So a careful judge asks **two** methods that fail for different reasons, and believes them where they agree.
# This is what `scratchnn check` does.
#
# ## Bug hunt
#
# The slope of $y = \tanh(x)$ can be written with the output: $1 - y^2$. (Proof: $\tanh = \frac{\sinh}{\cosh}$, so
# by the quotient rule the slope is $\frac{\cosh^2 - \sinh^2}{\cosh^2} = 1 - \tanh^2$.) Somebody programmed it,
# with a mistake. **Measure the slope at $x = 0.5$, compare, and find the mistake.**

# %%
culprit = bug("derauqs-ton-hnat-snoitavitca"[::-1])  # its name is written backwards, so that you can hunt
wrong = plant(culprit)
at = {"x": np.array([0.5])}
measured = probe.complex_step(lambda moved: np.tanh(moved["x"]).sum(), at)["x"][0]
kept = wrong.forward(at["x"], nonlinearity="tanh")
claimed = wrong.backward(np.ones(1), kept).x[0]
print(f"y = {kept.y[0]:.4f}   measured slope {measured:.4f}   claimed slope {claimed:.4f}")
print(f"1 - measured = {1 - measured:.4f}   1 - claimed = {1 - claimed:.4f}   y * y = {kept.y[0] ** 2:.4f}")

# %% [markdown]
# $1 -$ claimed is $0.4621$, which is $y$ itself. The square is missing. Would the check have seen it at $x = 0$?
# There $y = 0$, and $1 - 0 = 1 - 0^2$. A check at a special point sees nothing: draw random points. The library's
# own function is right:

# %%
right = activations.reference.backward(np.ones(1), activations.reference.forward(at["x"], nonlinearity="tanh")).x[0]
report = check.run("activations.tanh", backend=wrong)[0]
at_zero = wrong.backward(np.ones(1), wrong.forward(np.zeros(1), nonlinearity="tanh")).x[0]
print(f"library {right:.4f}; the wrong one at x = 0: {at_zero}, which is right by luck")
print(report)

# %% [markdown]
# ## What to remember
#
# - Forward difference: 8 digits at best. Central: 10 or 11, with $h$ near $10^{-5}$. Never "as small as
#   possible".
# - Richardson: combine two steps so that the error cancels. 13 or 14 digits, and an error estimate.
# - Complex step: all digits, but only through code that keeps complex numbers.
# - Two judges with different weaknesses are better than one.
# - Measure at random points, not at 0 or 1.

# %%
assert np.isclose(forward, 12.61)
assert np.isclose(central, 12.01)
assert np.isclose(extrapolated, 12, atol=1e-10)
assert complex_step == 12.0
assert errors[5] < errors[1] / 1e6
assert errors[13] > errors[5] * 1e4
best = curve.steps[curve.central.argmin()]
assert 1e-6 < best < 1e-4
assert curve.forward.min() > 1e-10
assert curve.richardson.min() < 1e-13
assert curve.complex[-20:].max() < 1e-15
assert "complex-safe" in refused
assert np.isclose(by_differences, 4)
assert not np.isclose(by_complex, 4)
assert np.isclose(claimed, 1 - kept.y[0])
assert np.isclose(right, measured, rtol=1e-14)
assert at_zero == 1
assert not report.passed
print("all assertions of this chapter hold")

# %% [markdown]
# ## Sources
#
# - L. F. Richardson: *The Approximate Arithmetical Solution by Finite Differences.* Philosophical Transactions A
#   210, 1911.
# - W. Squire, G. Trapp: *Using Complex Variables to Estimate Derivatives of Real Functions.* SIAM Review 40,
#   1998.
# - C. Ridders: *Accurate Computation of F'(x) and F'(x)F''(x).* Advances in Engineering Software 4, 1982.
#   Extrapolation with an error estimate.
