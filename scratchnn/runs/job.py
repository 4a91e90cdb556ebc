"""The main job: train on a task, measure on its test part, leave a run folder."""

from pathlib import Path
from typing import NamedTuple

from scratchnn import data, draw, training
from scratchnn.data.baselines import majority_baseline, measure

from .folder import RunError, RunFolder
from .learning import learn
from .opened import read_vocabulary, same_data
from .pictures import attention_picture
from .prepare import build_model, fingerprint, predictions, prepare
from .saving import Saving
from .settings import Settings


class Result(NamedTuple):
    """What a training run gives back."""

    folder: RunFolder
    results: dict  # as in results.json
    history: list  # of dict, one per epoch


def train(
    settings: Settings,
    out: str | Path | None = None,
    *,
    dataset: data.Dataset | None = None,
    progress: bool = True,
    saving: Saving = Saving(),  # noqa: B008, it is frozen
) -> Result:
    """Train, evaluate on the test part and write the run folder.

    Parameters
    ----------
    settings : Settings
    out : str or Path, optional
        The run folder, new or empty; default ``runs/TASK-DATE-TIME``.
    dataset : data.Dataset, optional
        Used instead of the task's own.
    progress : bool
        Show a progress bar.
    saving : Saving
        How often checkpoints are written, and whether they stay.

    Returns
    -------
    Result
        Stopped by Ctrl-C or SIGTERM: measured with the best weights so far, and ``resume`` goes on from where
        training stood.

    Raises
    ------
    RunError, data.DataError, SettingsError
        One sentence each.
    """
    prepared = prepare(settings, dataset=dataset)
    folder = RunFolder.create(out, prepared.dataset.name)
    with saving.guarding(folder):
        dataset = prepared.dataset
        kept = {
            "classes": dataset.classes,
            "vocabulary": prepared.vocabulary,
            "input_size": prepared.input_size,
            "data": fingerprint(dataset),
        }
        folder.write_settings(settings, **kept)
        return _train(settings, prepared, folder, kept, progress, saving)


def resume(
    path: str | Path,
    *,
    data: str | None = None,
    dataset: data.Dataset | None = None,
    backend: str | None = None,
    threads: int | None = None,
    progress: bool = True,
    saving: Saving = Saving(),  # noqa: B008, it is frozen
) -> Result:
    """Go on with a run that was stopped or killed, as if it never had been.

    Parameters
    ----------
    path : str or Path
        Run folder. A run without any checkpoint yet begins from the start.
    data : str, optional
        Where the user's own file lies now, if it has moved.
    dataset : data.Dataset, optional
        Used instead of the task's own, as for ``train``.
    backend : str, optional
    threads : int, optional
        Another backend or number of threads than before may change the last digits.
    progress : bool
    saving : Saving

    Returns
    -------
    Result
        The weights and, but for the times, the history and the results of an unbroken run, bit for bit.

    Raises
    ------
    RunFinished
        There is nothing to go on with.
    RunError, HeldError, training.CheckpointError
        One sentence each.
    """
    folder = RunFolder(path)
    record = folder.read_record()
    if record["settings"].task == "article":
        raise RunError(f"{path} is one model of the article's program, resume the whole: the folder above it")
    folder.take_up()
    with saving.guarding(folder):
        vocabulary = read_vocabulary(record, path)
        settings = record["settings"].changed(backend=backend, threads=threads)
        moved, prepared = same_data(record | {"settings": settings}, vocabulary, path, data, dataset)
        kept = {"vocabulary": vocabulary} | {name: record[name] for name in ("classes", "input_size", "data")}
        return _train(moved, prepared, folder, kept, progress, saving)


def _train(settings, prepared, folder, kept, progress, saving):
    dataset = prepared.dataset
    model = build_model(
        settings,
        num_classes=len(dataset.classes),
        vocabulary=prepared.vocabulary,
        input_size=prepared.input_size,
    )
    model, histories = learn(
        model, settings, prepared, progress=progress,
        checkpoints=lambda member: saving.checkpoints(folder, settings, kept["data"], member),
    )  # fmt: skip
    trained = len(histories) if len(histories) < settings.members else None
    folder.write_settings(settings, members_trained=trained, **kept)
    settings = settings.changed(members=len(histories))
    folder.write_weights(model.state_dict())
    for number, history in enumerate(histories, 1):
        history.to_csv(folder.path / ("history.csv" if number == 1 else f"history-{number}.csv"))
    history = histories[0]

    test = dataset.split["test"]
    told = predictions(model, [prepared.inputs[k] for k in test])
    targets = dataset.targets[test]
    table = training.classification_report(targets, told.classes, len(dataset.classes))
    found, missing = baselines(settings.task, dataset)
    results = {
        "task": settings.task,
        "seed": settings.seed,
        "test_accuracy": float((told.classes == targets).mean()),
        "test_examples": len(test),
        "macro_f1": table["macro"]["f1"],
        "baselines": found,
        "not_measured": missing,
        "members": len(histories),
        "epochs_run": sum(len(one.rows) for one in histories),
        "best_epoch": history.best_epoch,
        "interrupted": histories[-1].interrupted,
        "interrupted_by": histories[-1].interrupted_by,
        "seconds": round(sum(one.seconds for one in histories), 1),
        "parameters": int(sum(value.size for value in model.params.values())),
    }
    _pictures(folder, settings, prepared, history, told, test, results)
    folder.write_json("results.json", results)
    return Result(folder, results, history.rows)


def baselines(task: str, dataset: data.Dataset) -> tuple[list, str]:
    """Give what the accuracy is held against on the same test part.

    Parameters
    ----------
    task : str
        Embedded sets have theirs on their card; the task decides, for an own file may have any name.
    dataset : data.Dataset

    Returns
    -------
    found : list of [str, float]
        Name and accuracy, the weakest first.
    missing : str
        Why there are no more; empty if nothing is missing.
    """
    missing = ""
    if task in data.CARDS:
        found = data.CARDS[task].baselines
    else:
        try:
            found = measure(dataset)
        except data.DataError as error:  # scikit-learn is not installed, or the texts share no words
            found, missing = [majority_baseline(dataset)], str(error)
    return [[baseline.method, baseline.accuracy] for baseline in found], missing


def _pictures(folder, settings, prepared, history, told, test, results):
    dataset = prepared.dataset
    title = f"{dataset.name}: {describe(settings)}" + (" (the first one's curves)" if settings.members > 1 else "")
    title += f", labels smoothed by {settings.label_smoothing:g}" if settings.label_smoothing else ""
    beaten = results["baselines"][-1]
    curves = draw.loss_curves(
        history.rows,
        title=title,
        best=history.best_epoch,
        baseline=(f"{beaten[0]} (test)", beaten[1]),
    )
    folder.write_figure("curves.png", curves)
    matrix = training.confusion_matrix(dataset.targets[test], told.classes, len(dataset.classes))
    accuracy = f"{100 * results['test_accuracy']:.1f} % of {len(test):,} right"
    folder.write_figure(
        "confusion.png", draw.confusion(matrix, dataset.classes, title=f"{dataset.name}, test part: {accuracy}")
    )
    if told.alpha is not None:
        folder.write_figure("attention.png", attention_picture(prepared, told, test, image=settings.task == "digits"))


def describe(settings: Settings) -> str:
    """Say in a few words what the model is.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    str
    """
    parts = ["bidirectional"] if settings.bidirectional else []
    if settings.num_layers > 1:
        parts.append(f"{settings.num_layers}-layer")
    parts.append(settings.cell.upper())
    name = {
        "attention": f"{settings.score} attention",
        "self_attention": f"self-attention ({settings.score})",
        "mean": "mean pooling",
        "last": "last state",
    }[settings.pooling]
    one = f"{' '.join(parts)}, H={settings.hidden_size}, {name}"
    return one if settings.members == 1 else f"{settings.members} times {one}"
