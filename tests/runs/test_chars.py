"""The task chars: a language model from text to run folder, measured, resumed, and asked to write."""

import csv
import itertools
import json

import numpy as np
import pytest
from scipy import stats

from scratchnn import data, runs
from scratchnn.models import LanguageModel
from scratchnn.runs import RunError, Settings, language, reading, sampling
from scratchnn.runs.prepare import build_model

PAIRS = np.log(4) / 3  # nats per character of the text below: one of four letters, the same again, a line end
TINY = {
    "task": "chars", "bidirectional": False, "embedding_size": 6, "hidden_size": 12, "epochs": 5, "batch_size": 8,
    "steps": 10, "learning_rate": 0.03,
}  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    drawn = np.random.default_rng(0).choice(list("abcd"), size=1200)
    path = tmp_path_factory.mktemp("text") / "pairs.txt"
    path.write_text("".join(f"{letter}{letter}\n" for letter in drawn), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tiny(path):
    return Settings(data=str(path), **TINY)


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    return runs.train_language(tiny, tmp_path_factory.mktemp("runs") / "run", progress=False)


def test_the_folder_holds_settings_history_weights_results_and_pictures(finished):
    folder = finished.folder.path
    assert {path.name for path in folder.iterdir()} == {
        "settings.json", "history.csv", "weights.safetensors", "results.json", "curves.png", "memory.png",
    }  # fmt: skip
    with open(folder / "history.csv", newline="", encoding="utf-8") as stream:
        assert [int(row["epoch"]) for row in csv.DictReader(stream)] == [1, 2, 3, 4, 5]
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert results == finished.results
    assert [name for name, _ in results["baselines"]] != []
    assert len(results["sample"]) == 400
    assert set(results["sample"]) <= set("abcd\n")


def test_it_comes_close_to_the_entropy_of_the_text_and_not_below(finished):
    """1200 letters drawn by lot cannot be foreseen: per line nobody can pay less than ln 4 in the long run.

    The 120 lines held out are uniform draws; paying p != 1/4 can win at most what their frequencies differ from 1/4:
    about (4 - 1) / 2 nats in all, by the chi-square approximation of the likelihood ratio, 0.004 per character.
    """
    nats = finished.results["nats_per_character"]
    assert PAIRS - 0.02 < nats < PAIRS + 0.05
    assert finished.results["bits_per_character"] == pytest.approx(nats / np.log(2))
    assert finished.results["perplexity"] == pytest.approx(np.exp(nats))
    assert finished.results["held_out_characters"] == 360


def test_history_counts_nats_per_character(finished):
    """The last epoch's held-out loss, read in other streams than the result, differs only where streams begin."""
    last = finished.history[-1]
    # 360 characters stand in one stream of 200 steps or more here and there alike; the first has no past in both
    assert last["valid_loss"] == pytest.approx(finished.results["nats_per_character"], abs=0.1)
    assert finished.history[0]["train_loss"] > finished.history[-1]["train_loss"]


def test_evaluate_finds_the_same_number(finished):
    found = runs.evaluate_language(finished.folder.path)
    assert found.measured.nats == pytest.approx(finished.results["nats_per_character"], rel=1e-6)
    assert found.baselines == finished.results["baselines"]
    assert found.measured.characters == 360


def test_the_result_does_not_depend_on_the_chunks_it_was_read_in(finished, monkeypatch):
    """float32: sums of some hundred terms, each rounded to 6e-8."""
    monkeypatch.setattr(reading, "READ", 7)
    found = runs.evaluate_language(finished.folder.path)
    assert found.measured.nats == pytest.approx(finished.results["nats_per_character"], rel=1e-5)


def test_a_run_that_died_inside_an_epoch_goes_on_as_if_it_had_not(tiny, finished, tmp_path, monkeypatch):
    """The state carried over the chunks, the offset of the pass and the place in it are in the checkpoint."""
    passes = itertools.count()

    class Dies(data.StreamBatches):
        def __call__(self, rng=None):
            number = next(passes) if rng is not None else -1
            for k, chunk in enumerate(super().__call__(rng)):
                if (number, k) == (2, 20):
                    raise RuntimeError("the power is gone")
                yield chunk

    saving = runs.Saving(every="3", say=lambda sentence: None)
    with monkeypatch.context() as patch:
        patch.setattr(language, "StreamBatches", Dies)
        with pytest.raises(RuntimeError, match="the power is gone"):
            runs.train_language(tiny, tmp_path / "run", progress=False, saving=saving)
    assert not (tmp_path / "run" / "weights.safetensors").exists()
    resumed = runs.resume_language(tmp_path / "run", progress=False)
    weights = [(run.folder.path / "weights.safetensors").read_bytes() for run in (resumed, finished)]
    assert weights[0] == weights[1]
    times = ("seconds", "characters_per_second")
    assert {k: v for k, v in resumed.results.items() if k not in times} == {
        k: v for k, v in finished.results.items() if k not in times
    }
    with pytest.raises(runs.RunFinished, match="is finished"):
        runs.resume_language(tmp_path / "run")


def test_another_text_is_refused(finished, path, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text(path.read_text(encoding="utf-8")[:-1] + "!", encoding="utf-8")
    with pytest.raises(RunError, match=r"other.txt is not, or no longer, the text that"):
        runs.evaluate_language(finished.folder.path, data=str(other))


def test_a_classifier_and_a_language_model_are_not_mixed_up(finished, tmp_path):
    folder = runs.RunFolder.create(tmp_path / "classifier", "own")
    vocabulary = data.Vocabulary("abc")
    settings = Settings(task="own", hidden_size=4, embedding_size=4)
    model = build_model(settings, num_classes=2, vocabulary=vocabulary, input_size=None)
    folder.write_settings(settings, classes=("x", "y"), vocabulary=vocabulary, input_size=None, data="")
    folder.write_weights(model.state_dict())
    folder.let_go()
    assert runs.is_language(finished.folder.path)
    assert not runs.is_language(folder.path)
    with pytest.raises(RunError, match="is a classifier, it writes no text"):
        runs.sample(folder.path)
    with pytest.raises(RunError, match="is a classifier, expected a language model"):
        runs.evaluate_language(folder.path)
    for ask in (lambda path: runs.predict(path, ["aa"]), runs.evaluate):
        with pytest.raises(RunError, match="is a language model"):
            ask(finished.folder.path)


def test_the_memory_is_measured_from_a_state_of_zero(finished):
    """After one letter of a pair the next is known; place by place against a straight computation."""
    run = runs.open_run(finished.folder.path)
    text = data.read_text(run.settings.data)
    ids = run.vocabulary.encode(text.text)
    read, nats = reading.memory_of(run.model, ids, text.start)
    assert read[0] == 1
    assert (np.diff(read) > 0).all()
    held_out = ids[text.start - 1 :]
    first = []
    for piece in range(len(held_out[:-1]) // reading.REMEMBERED):
        k = piece * reading.REMEMBERED
        logits, _ = run.model.forward(held_out[None, k : k + 1])
        first.append(np.log(np.exp(logits[0, 0]).sum()) - logits[0, 0, held_out[k + 1]])
    assert nats[0] == pytest.approx(np.mean(first), rel=1e-5)


def untrained(V=8):
    rng = np.random.default_rng(0)
    model = LanguageModel(V, embedding_size=4, hidden_size=5, dtype=np.float64, rng=rng)
    for array in model.params.values():
        array[...] = 0.7 * rng.normal(size=array.shape)
    return model


def test_sampling_with_carried_state_is_reading_everything_again():
    """Greedy: every character is the likeliest after the whole text so far, read at once from the start."""
    model, prefix = untrained(), np.array([3, 5, 2])
    drawn = list(sampling.sample_ids(model, prefix, 30, temperature=0, rng=np.random.default_rng(0)))
    text = prefix.tolist()
    for k in drawn:
        logits, _ = model.forward(np.array([text]))
        assert k == 2 + logits[0, -1, 2:].argmax()  # padding and unknown are never drawn
        text.append(k)
    assert len(set(drawn)) > 1


def chi_square(counts, p):
    expected = counts.sum() * p
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("temperature", [0.7, 1.4])
def test_characters_are_drawn_with_the_softmax_of_the_logits(temperature):
    model, prefix = untrained(), np.array([3, 5, 2])
    scores = model.forward(prefix[None])[0][0, -1, 2:]
    rng, counts = np.random.default_rng(1), np.zeros(6)
    for _ in range(1500):
        (k,) = sampling.sample_ids(model, prefix, 1, temperature=temperature, rng=rng)
        counts[k - 2] += 1

    def softmax(t):
        return np.exp(scores / t) / np.exp(scores / t).sum()

    assert counts.sum() * softmax(temperature).min() > 5, "too few expected for the chi-square approximation"
    limit = stats.chi2.ppf(1 - 1e-6, df=5)  # a right sampler fails once in a million seeds
    assert chi_square(counts, softmax(temperature)) < limit
    assert chi_square(counts, softmax(temperature * 1.5)) > limit  # and the check would notice another temperature


def test_probabilities_of_temperature_and_top_k():
    scores = np.array([9.0, 9.0, 1.0, 3.0, 2.0, 3.0])
    assert sampling.next_probabilities(scores, 0).tolist() == [0, 0, 0, 1, 0, 0]
    weights = np.exp(np.array([1.0, 3.0, 2.0, 3.0]) / 0.7)
    np.testing.assert_allclose(sampling.next_probabilities(scores, 0.7)[2:], weights / weights.sum(), rtol=1e-14)
    assert sampling.next_probabilities(scores)[:2].tolist() == [0, 0]
    two = sampling.next_probabilities(scores, 1.0, 2)
    assert two.tolist() == [0, 0, 0, 0.5, 0, 0.5]
    np.testing.assert_allclose(sampling.next_probabilities(scores, 1e9)[2:], 0.25, rtol=1e-8)
    assert sampling.next_probabilities(scores * 1e4, 0.01).max() == 0.5, "no overflow"
    np.testing.assert_allclose(sampling.next_probabilities(scores, 1.0, 99), sampling.next_probabilities(scores))


def test_the_same_seed_writes_the_same_text(finished):
    one, two, other = ("".join(runs.sample(finished.folder.path, length=60, seed=seed)) for seed in (1, 1, 2))
    assert one == two != other
    assert len(one) == 60
    assert all(line[0] == line[1] for line in one.split("\n")[1:-1] if len(line) == 2)


def test_a_prefix_is_read_before_writing(finished):
    for letter in "abcd":
        assert next(runs.sample(finished.folder.path, prefix=f"dd\n{letter}", temperature=0)) == letter


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"prefix": "xaby"}, "the prefix holds 'x' 'y', which the text of this run does not"),
        ({"temperature": -1}, "temperature is -1, expected a finite number of at least 0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"length": 0}, "length is 0, expected at least 1"),
        ({"top_k": 0}, "top_k is 0, expected at least 1"),
    ],
)
def test_what_cannot_be_sampled_is_said_before_the_first_character(finished, options, sentence):
    with pytest.raises(RunError, match=sentence):
        runs.sample(finished.folder.path, **options)


def test_the_job_of_labelled_sets_refuses_a_running_text(tiny, tmp_path):
    with pytest.raises(runs.SettingsError, match=r"use runs\.train_language"):
        runs.train(tiny, tmp_path / "run")


def test_the_embedded_text_needs_no_data(finished):
    assert runs.recipe("chars").data is None
    settings = runs.recipe("chars")
    assert reading.load_running_text(settings).name == "chars"
    assert reading.text_baselines(settings, None)[-1] == ["5-grams", data.TEXT_CARDS["chars"].baselines[-1].nats]
    with pytest.raises(RunError, match="comes with the package; leave out --data"):
        reading.same_text({"settings": settings, "data": ""}, "run", "elsewhere.txt")
