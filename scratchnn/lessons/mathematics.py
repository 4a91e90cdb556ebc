"""LaTeX in Markdown: found, and written as plain text for a terminal or as MathML for a page."""

import re
from collections.abc import Callable

PIECES = re.compile(
    r"(?P<code>```.*?```|`[^`\n]*`)|\$\$(?P<block>.+?)\$\$|(?<!\\)\$(?=\S)(?P<inline>[^$]+?)(?<=\S)\$(?!\d)",
    re.DOTALL,
)
WORDS = {
    "alpha": "α", "delta": "δ", "rho": "ρ", "sigma": "σ", "varepsilon": "ε", "partial": "∂", "sum": "Σ", "odot": "⊙",
    "cdot": "·", "approx": "≈", "ge": "≥", "le": "≤", "neq": "≠", "dots": "…", "top": "ᵀ", "in": "∈", "infty": "∞",
    "quad": "   ", "qquad": "      ", ",": " ", ";": " ", " ": " ", "!": "", "Bigl": "", "Bigr": "", "bigl": "",
    "bigr": "", "left": "", "right": "", "\\": "; ", "{": "{", "}": "}", "exp": "exp", "tilde": "~",
}  # fmt: skip
FRACTIONS = ("frac", "tfrac", "dfrac")
PLAIN = ("text", "mathrm", "mathrel", "mathbf")
RAISED = str.maketrans("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")
MINUS = re.compile(  # after another sign or a space, but not after a closing bracket
    r"(<mo[^>]*>(?!&#x00029;)[^<]*</mo>(?:<mspace[^>]*/>)?|<mtext>&#x000A0;</mtext>)<mo>&#x02212;</mo>"
)
NAMED = re.compile(r"(?<!<msup>)(?<!<msub>)(<mi>(?:ln|exp|tanh|sinh|cosh|max)</mi>)(?=<(?:mn|mi|ms|mf|mrow))")
TOKENS = re.compile(r"\\[a-zA-Z]+|\\.|\s+|.", re.DOTALL)


def replace_math(text: str, inline: Callable[[str], str], block: Callable[[str], str]) -> str:
    """Replace every formula of a Markdown text; code is left alone.

    Parameters
    ----------
    text : str
    inline, block : function
        From the LaTeX between ``$`` or ``$$`` to what takes its place.

    Returns
    -------
    str
    """

    def one(match):
        if match["code"]:
            return match[0]
        return inline(match["inline"].strip()) if match["inline"] else block(match["block"].strip())

    return PIECES.sub(one, text)


def mathml(latex: str, display: bool = False) -> str:
    """Write a formula as MathML, which browsers draw themselves.

    Parameters
    ----------
    latex : str
    display : bool
        On a line of its own.

    Returns
    -------
    str
    """
    from latex2mathml.converter import convert  # opened when a page is made

    made = convert(latex, display="block" if display else "inline")
    made = NAMED.sub(r'\1<mspace width="0.17em"/>', made)  # ln 2, not ln2
    return MINUS.sub(r'\1<mo form="prefix" lspace="0" rspace="0">&#x02212;</mo>', made)  # a sign, not a difference


def plain(latex: str) -> str:
    """Write a formula as one line of text: Greek letters and fractions, subscripts as in code.

    Parameters
    ----------
    latex : str

    Returns
    -------
    str
        ``\\delta c_{t-1} = \\frac{a}{b}`` becomes ``δc_(t-1) = a/b``.
    """
    latex = re.sub(r"\\begin\{.?matrix\}|\\end\{.?matrix\}", lambda m: "[" if "begin" in m[0] else "]", latex)
    tokens = TOKENS.findall(latex.replace("&", " "))
    written = re.sub(r"(?<=\S) {1,2}(?=\S)", " ", "".join(_read(tokens))).strip()
    return re.sub(r"(?<=[δ∂]) (?=\w)", "", written)


def _read(tokens):
    """Take tokens from the front until a closing brace or the end, and give texts."""
    found = []
    while tokens:
        token = tokens.pop(0)
        if token == "}":
            break
        if token == "{":
            found.append("".join(_read(tokens)))
        elif token in "_^":
            found.append(_attached(token, _argument(tokens)))
        elif token.isspace():
            found.append(" ")
        elif token[0] == "\\":
            found.append(_command(token[1:], tokens))
        else:
            found.append(token)
    return found


def _argument(tokens):
    """Take one argument: a group in braces, or a single token."""
    while tokens and tokens[0].isspace():
        tokens.pop(0)
    if not tokens:
        return ""
    token = tokens.pop(0)
    if token == "{":
        return "".join(_read(tokens)).strip()
    return _command(token[1:], tokens) if token[0] == "\\" else token


def _command(name, tokens):
    if name in FRACTIONS:
        return f"{_grouped(_argument(tokens))}/{_grouped(_argument(tokens))}"
    if name == "sqrt":
        return f"√{_grouped(_argument(tokens))}"
    if name in PLAIN:
        return _argument(tokens)
    return WORDS.get(name, name)


def _attached(sign, argument):
    if sign == "^":
        raised = argument.translate(RAISED)
        if argument == "ᵀ" or not set(raised) & set(argument):
            return raised
    return sign + _grouped(argument)


def _grouped(text):
    return text if re.fullmatch(r"\w*\.?\w*|[Σ∂δ]\s?\w+|\(.*\)", text) else f"({text})"
