"""The job of a language model: learn a running text, measure on its held-out end, write a sample."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchnn import draw
from scratchnn.data import RunningText, StreamBatches, Vocabulary
from scratchnn.models import LanguageModel

from .folder import RunFolder
from .learning import fit_model
from .opened import read_vocabulary
from .prepare import build_model
from .reading import READ, load_running_text, measure_text, memory_of, same_text, text_baselines, text_fingerprint
from .sampling import first_ids, sample_ids
from .saving import Saving
from .settings import Settings

WATCHED = 16  # streams of the held-out part after each epoch: quicker than one, though each starts from nothing
SAMPLED, TEMPERATURE = 400, 0.8


class LanguageResult(NamedTuple):
    """What the training of a language model gives back."""

    folder: RunFolder
    results: dict  # as in results.json
    history: list  # of dict, one per epoch; losses are nats per character


def is_language(path: str | Path) -> bool:
    """Whether a folder was begun by ``train_language``.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    bool
    """
    return (Path(path) / "settings.json").is_file() and RunFolder(path).read_record()["settings"].task == "chars"


def describe_language(settings: Settings) -> str:
    """Say in a few words what the model is.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    str
    """
    layers = f"{settings.num_layers}-layer " if settings.num_layers > 1 else ""
    return f"{layers}{settings.cell.upper()}, H={settings.hidden_size}, chunks of {settings.steps} steps"


def train_language(
    settings: Settings,
    out: str | Path | None = None,
    *,
    text: RunningText | None = None,
    progress: bool = True,
    saving: Saving = Saving(),  # noqa: B008, it is frozen
) -> LanguageResult:
    """Train a language model, measure it on the held-out end of the text and write the run folder.

    The weights are those after the last epoch: the held-out part measures, so it may not choose.

    Parameters
    ----------
    settings : Settings
        Of the task ``chars``.
    out : str or Path, optional
        The run folder, new or empty; default ``runs/NAME-DATE-TIME``.
    text : data.RunningText, optional
        Used instead of the one that the settings name.
    progress : bool
        Show a progress bar.
    saving : Saving
        How often checkpoints are written, and whether they stay.

    Returns
    -------
    LanguageResult

    Raises
    ------
    RunError, data.DataError, SettingsError
        One sentence each.
    """
    text = load_running_text(settings) if text is None else text
    vocabulary = text.vocabulary()
    folder = RunFolder.create(out, text.name)
    with saving.guarding(folder):
        folder.write_settings(
            settings,
            classes=vocabulary.entries,  # a class is the character that comes next
            vocabulary=vocabulary,
            input_size=None,
            data=text_fingerprint(text),
        )
        return _train(settings, text, vocabulary, folder, progress, saving)


def resume_language(
    path: str | Path,
    *,
    data: str | None = None,
    backend: str | None = None,
    threads: int | None = None,
    progress: bool = True,
    saving: Saving = Saving(),  # noqa: B008, it is frozen
) -> LanguageResult:
    """Go on with a language model that was stopped or killed, as if it never had been.

    Parameters
    ----------
    path : str or Path
        For which ``is_language``.
    data : str, optional
        Where the user's own file lies now, if it has moved.
    backend : str, optional
    threads : int, optional
        Another backend or number of threads than before may change the last digits.
    progress : bool
    saving : Saving

    Returns
    -------
    LanguageResult

    Raises
    ------
    RunFinished
        There is nothing to go on with.
    """
    folder = RunFolder(path)
    record = folder.read_record()
    folder.take_up()
    with saving.guarding(folder):
        vocabulary = read_vocabulary(record, path)
        settings = record["settings"].changed(backend=backend, threads=threads)
        settings, text = same_text(record | {"settings": settings}, path, data)
        return _train(settings, text, vocabulary, folder, progress, saving)


def _train(settings, text, vocabulary, folder, progress, saving):
    ids = vocabulary.encode(text.text)
    model = build_model(settings, num_classes=len(vocabulary), vocabulary=vocabulary, input_size=None)
    history = fit_model(
        model,
        settings,
        StreamBatches(ids[: text.start], settings.batch_size, settings.steps),
        StreamBatches(ids[text.start - 1 :], WATCHED, READ),
        False,
        progress=progress,
        checkpoint=saving.checkpoints(folder, settings, text_fingerprint(text)),
    )
    folder.write_weights(model.state_dict())
    history.to_csv(folder.path / "history.csv")
    measured = measure_text(model, ids, text.start)
    results = {
        "task": settings.task,
        "text": text.name,
        "seed": settings.seed,
        "nats_per_character": measured.nats,
        "bits_per_character": measured.bits,
        "perplexity": measured.perplexity,
        "held_out_characters": measured.characters,
        "baselines": text_baselines(settings, text),
        "epochs_run": len(history.rows),
        "interrupted": history.interrupted,
        "interrupted_by": history.interrupted_by,
        "seconds": round(history.seconds, 1),
        "characters_per_second": round(len(history.rows) * text.start / max(history.seconds, 1e-9)),
        "parameters": int(sum(value.size for value in model.params.values())),
        "sample": write_sample(model, vocabulary, settings.seed),
    }
    _pictures(folder, settings, text, history, memory_of(model, ids, text.start), results)
    folder.write_json("results.json", results)
    return LanguageResult(folder, results, history.rows)


def _pictures(folder, settings, text, history, memory, results):
    title = f"{text.name}: {describe_language(settings)}"
    if history.rows:
        folder.write_figure("curves.png", draw.nats_curves(history.rows, results["baselines"], title=title))
    folder.write_figure("memory.png", draw.memory(*memory, results["baselines"], title=title))


def write_sample(model: LanguageModel, vocabulary: Vocabulary, seed: int) -> str:
    """Let a model write, from a line end on.

    Parameters
    ----------
    model : models.LanguageModel
    vocabulary : data.Vocabulary
    seed : int

    Returns
    -------
    str
        400 characters at temperature 0.8.
    """
    drawn = sample_ids(
        model, first_ids(vocabulary), SAMPLED, temperature=TEMPERATURE, rng=np.random.default_rng(seed)
    )
    return "".join(vocabulary.entries[k] for k in drawn)
