"""Formulas are found in Markdown and written for a terminal and for a page."""

import pytest

from scratchnn.lessons.mathematics import mathml, plain, replace_math


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"a_t = x_t W_x + h_{t-1} W_h + b", "a_t = x_t W_x + h_(t-1) W_h + b"),
        (r"\delta c_{t-1}", "δc_(t-1)"),
        (r"\frac{a}{b}", "a/b"),
        (r"\frac{a + 1}{2b}", "(a + 1)/2b"),
        (r"\tfrac28", "2/8"),
        (r"\frac{\partial \alpha_m}{\partial s_j}", "∂α_m/∂s_j"),
        (r"\sum_{j=1}^{T} e_{ij} h_j", "Σ_(j=1)^T e_ij h_j"),
        (r"10^{-30} i", "10⁻³⁰ i"),
        (r"x^\top", "xᵀ"),
        (r"1 - s_2^2", "1 - s_2²"),
        (r"\sqrt{E} \neq \sqrt{E + 1}", "√E ≠ √(E + 1)"),
        (r"p - \text{onehot}(y)", "p - onehot(y)"),
        (r"\begin{pmatrix} 1 & 2 \\ 0 & -1 \end{pmatrix}", "[ 1 2 ; 0 -1 ]"),
        (r"\sigma(1-\sigma)", "σ(1-σ)"),
    ],
)
def test_plain(latex, expected):
    assert plain(latex) == expected


def test_inline_and_block_are_told_apart():
    text = "Here $a$ and\n\n$$b\n+ c$$\n\nend, costs 5$ and 6$."
    assert replace_math(text, lambda a: f"<{a}>", lambda b: f"[{b}]") == (
        "Here <a> and\n\n[b\n+ c]\n\nend, costs 5$ and 6$."
    )


def test_code_is_left_alone():
    text = "`$a$` and\n```\n$b$\n```\nbut $c$"
    assert replace_math(text, str.upper, str.upper) == "`$a$` and\n```\n$b$\n```\nbut C"


def test_a_formula_may_go_over_two_lines():
    assert replace_math("so $a +\nb$ it is", lambda a: "F", lambda b: "B") == "so F it is"


def test_mathml_is_a_formula():
    made = mathml(r"\frac{1}{2}")
    assert made.startswith("<math")
    assert "<mfrac>" in made
    assert 'display="block"' in mathml("a", display=True)


def test_a_named_function_keeps_its_distance():
    assert "mspace" in mathml(r"\ln 2")
    assert "mspace" not in mathml(r"\ln(2)")


def test_a_sign_is_no_difference():
    """After = or an opening bracket a minus belongs to its number; between numbers, and after ), it does not."""
    assert mathml("x = -0.5").count('form="prefix"') == 1
    assert mathml("(-0.5)").count('form="prefix"') == 1
    assert mathml("a - b").count('form="prefix"') == 0
    assert mathml("(a) - b").count('form="prefix"') == 0
