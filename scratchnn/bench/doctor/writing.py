"""The benchmark's table and its list of failures, as Markdown."""

from .run import GOALS, SECONDS

COLUMNS = {
    "named": "named",
    "alone": "and no other",
    "named_pairs": "pairs named",
    "line": "line found",
    "certain_right": "right where certain",
}


def markdown(found: dict) -> str:
    """Write the report.

    Parameters
    ----------
    found : dict
        Of ``run.summary``.

    Returns
    -------
    str
    """
    lines = ["# How often the doctor is right", "", _asked(found), ""]
    lines += ["| style | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for style, shares in found["styles"].items():
        lines.append(f"| {style} | " + " | ".join(_share(shares[key]) for key in COLUMNS) + " |")
    lines += ["", "## Goals", "", "| what | style | goal | measured | |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in goals(found)]
    lines += ["", "## What was not named, or in the wrong line", ""]
    lines += ["| style | planted | said | lines planted | lines said |", "|---|---|---|---|---|"]
    for one in found["failures"]:
        said = "; ".join(" + ".join(match) for match in one["matches"]) or one["fell"] or "none of the known mistakes"
        where = ", ".join(map(str, one["found"])) if one["followed"] else "not asked"
        planted = " + ".join(one["bugs"])
        lines.append(f"| {one['style']} | {planted} | {said} | {', '.join(map(str, one['lines']))} | {where} |")
    lines += ["", "## Called certain, and wrong", ""]
    lines += [
        f"- {one['style']}: {' + '.join(one['bugs'])}, said {one['matches']}" for one in found["certain_and_wrong"]
    ]
    lines += [
        f"- {one['style']}: {' + '.join(one['bugs'])}, planted in {one['lines']}, repaired in {one['found']}"
        for one in found["certain_elsewhere"]
    ]
    lines += [] if found["certain_and_wrong"] or found["certain_elsewhere"] else ["None."]
    lines += ["", "## False alarms", ""] + ([f"- {one}" for one in found["alarms"]] or ["None."])
    return "\n".join(lines) + "\n"


def goals(found: dict) -> list[tuple[str, ...]]:
    """Hold what was measured against the goals.

    Parameters
    ----------
    found : dict

    Returns
    -------
    list of tuple of str
        What, style, goal, measured, verdict.
    """
    rows = []
    for what, style, key, least in GOALS:
        right, count = found["styles"].get(style, {}).get(key, [0, 0])
        verdict = "not measured" if not count else "reached" if right >= least * count else "missed"
        rows.append((what, style, f">= {least:.0%}", _share([right, count]), verdict))
    number, asked = len(found["alarms"]), found["asked"]
    seeds = f"{asked['seeds']} seeds"
    rows.append(("false alarms", "all", f"0 on {seeds}", str(number), "missed" if number else "reached"))
    if found["median"] is not None:
        verdict = "reached" if found["median"] < SECONDS else "missed"
        rows.append(("seconds, median", "all", f"< {SECONDS:g}", f"{found['median']:.2f}", verdict))
    return rows


def _share(pair):
    right, count = pair
    return f"{right}/{count} ({right / count:.1%})" if count else "-"


def _asked(found):
    asked = found["asked"]
    return (
        f"`scratchnn bench doctor{asked['options']}`: {asked['singles']} sources with one mistake "
        f"({found['variants']} different ones of the catalogue), {asked['pairs']} with two, in five styles. "
        "Wrong code is held against our gradients (naming and line do not depend on the oracles). Right code of "
        f"every style and op: the full check with both oracles on the first seed, and on {asked['seeds']} seeds one "
        "backward pass each, held against ours, whose forward it was shown to share. "
        f"{asked['timed']} examinations were timed from outside, process start included."
    )
