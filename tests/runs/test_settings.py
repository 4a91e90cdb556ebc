"""Settings: refused values, recipes, the way to JSON and back."""

import json

import pytest

from scratchnn.runs import RECIPES, Settings, SettingsError, recipe


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hidden_size": -3}, "hidden_size is -3, expected more than 0"),
        ({"epochs": 0}, "epochs is 0, expected more than 0"),
        ({"batch_size": -1}, "batch_size is -1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"dropout": 1.0}, r"dropout is 1.0, expected 0 up to \(not including\) 1"),
        ({"cell": "transformer"}, "cell is 'transformer', expected one of lstm, gru, rnn"),
        ({"seed": -1}, "seed is -1, expected 0 or more"),
    ],
)
def test_a_value_without_meaning_is_refused(change, sentence):
    with pytest.raises(SettingsError, match=sentence):
        Settings(**change)


def test_unchanged_means_none():
    settings = Settings(hidden_size=7)
    assert settings.changed(hidden_size=None, epochs=None) == settings
    assert settings.changed(epochs=2).epochs == 2


@pytest.mark.parametrize("settings", RECIPES.values(), ids=RECIPES)
def test_json_and_back(settings):
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_a_foreign_record_is_refused():
    with pytest.raises(SettingsError, match="unknown setting 'wings'"):
        Settings.from_dict({"wings": 2})
    with pytest.raises(SettingsError):
        Settings.from_dict({"epochs": "many"})


def test_an_unknown_task_lists_the_known_ones():
    with pytest.raises(SettingsError, match="unknown task 'chess', expected one of surnames, sentiment, vowels"):
        recipe("chess")
    with pytest.raises(SettingsError, match="no best configuration is recorded for article"):
        recipe("article", best=True)
