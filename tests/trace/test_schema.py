"""Every kind of trace keeps to the schema, and the schema refuses what is not a trace."""

import copy
import json
from importlib import resources

import jsonschema
import pytest

from scratchnn.trace import record

SCHEMA = json.loads((resources.files("scratchnn.trace") / "schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

KINDS = {
    "lstm": {},
    "gru": {"T": 1, "B": 2},
    "rnn": {"H": 1, "D": 1, "checks": False},
    "attention": {"score": "additive"},
    "model": {"T": 3},
    "lstm planted": {"plant": "lstm-dc-prev-without-f"},
    "attention planted": {"plant": "attention-softmax-elementwise"},
}


@pytest.fixture(scope="module")
def plain():
    return json.loads(json.dumps(record("lstm", T=2, plant="lstm-do-with-c").to_json(), allow_nan=False))


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("kind", KINDS)
def test_traces_keep_to_the_schema(kind):
    trace = record(kind.partition(" ")[0], **KINDS[kind])
    plain = json.loads(json.dumps(trace.to_json(), allow_nan=False))
    VALIDATOR.validate(plain)


@pytest.mark.parametrize("kind", KINDS)
def test_every_reference_leads_somewhere(kind):
    plain = record(kind.partition(" ")[0], **KINDS[kind]).to_json()
    arrays, equations = plain["arrays"], {(one["op"], one["number"]) for one in plain["equations"]}
    assert [event["n"] for event in plain["events"]] == list(range(len(plain["events"])))
    for array in arrays:
        size = 1
        for length in array["shape"]:
            size *= length
        assert len(array["data"]) == size
    assert len({json.dumps(array) for array in arrays}) == len(arrays), "equal arrays stand once"
    for index in _indices(plain):
        assert 0 <= index < len(arrays)
    for event in plain["events"]:
        assert event["equation"] is None or (event["op"], event["equation"]) in equations
        assert all(one["event"] is None or one["event"] < event["n"] for one in event["inputs"])


def _indices(plain):
    for key, value in plain.items() if isinstance(plain, dict) else enumerate(plain):
        if key in ("array", "value", "true", "summed") and isinstance(value, int):
            yield value
        elif isinstance(value, dict) or (isinstance(value, list) and key != "arrays"):
            yield from _indices(value)


SPOILED = {
    "another version": lambda plain: plain.update(version=2),
    "no events": lambda plain: plain.pop("events"),
    "a field more": lambda plain: plain.update(extra=1),
    "a word for a number": lambda plain: plain["arrays"][0]["data"].__setitem__(0, "much"),
    "a phase of its own": lambda plain: plain["events"][0].update(phase="sideways"),
    "a line 0": lambda plain: plain["events"][0].update(line=0),
    "an index below 0": lambda plain: plain["inputs"][0].update(array=-1),
    "a check without a verdict": lambda plain: next(e for e in plain["events"] if e["check"])["check"].pop("passed"),
    "an addend without numbers": lambda plain: plain["events"][-1]["addends"].append({"source": "t=1"}),
    "one factor only": lambda plain: next(a for e in plain["events"] for a in e["addends"] if "factors" in a)[
        "factors"
    ].pop(),
    "no line of the mistake": lambda plain: plain["planted"].pop("line"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_the_schema_refuses(plain, how):
    spoiled = copy.deepcopy(plain)
    VALIDATOR.validate(spoiled)
    SPOILED[how](spoiled)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(spoiled)
