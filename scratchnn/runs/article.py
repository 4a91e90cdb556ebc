"""The article's own program: LSTM 10 -> 20 on random sequences with random labels, without and with its attention.

The article defines an attention class but never calls it; here both models are trained. Its labels are drawn by
a coin, so there is nothing to learn but the 100 training sequences by heart: the training loss falls, the loss on
the 10 test sequences rises.
"""

import shutil
from pathlib import Path

from scratchnn import draw, training

from .folder import CHECKPOINTS, RunError, RunFolder
from .learning import fit_model
from .prepare import build_model, fingerprint, predictions, prepare
from .saving import Saving
from .settings import Settings

MODELS = {"without attention": "last", "with attention": "self_attention"}


def train_article(
    settings: Settings,
    out: str | Path | None = None,
    *,
    progress: bool = True,
    saving: Saving = Saving(),  # noqa: B008, it is frozen
) -> tuple[RunFolder, dict]:
    """Run the article's program twice and keep both models.

    Parameters
    ----------
    settings : Settings
        The recipe ``article``.
    out : str or Path, optional
        Folder; each model gets a run folder below it.
    progress : bool
    saving : Saving

    Returns
    -------
    folder : RunFolder
    results : dict
        Per model: loss and accuracy on both parts at the start and the end.
    """
    folder = RunFolder.create(out, settings.task)
    with saving.guarding(folder):
        return _both_models(settings, folder, progress, saving)


def is_article(path: str | Path) -> bool:
    """Whether a folder was begun by ``train_article``.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    bool
    """
    first = Path(path) / _name(next(iter(MODELS)))
    return (first / "settings.json").is_file() and RunFolder(first).read_record()["settings"].task == "article"


def resume_article(
    path: str | Path,
    *,
    progress: bool = True,
    saving: Saving = Saving(),  # noqa: B008, it is frozen
) -> tuple[RunFolder, dict]:
    """Go on with the article's program where it was stopped.

    Parameters
    ----------
    path : str or Path
        For which ``is_article``.
    progress : bool
    saving : Saving

    Returns
    -------
    folder : RunFolder
    results : dict
        As of ``train_article``.

    Raises
    ------
    RunFinished
        There is nothing to go on with.
    """
    folder = RunFolder(path)
    if not is_article(path):
        raise RunError(f"{path} is not a folder of the article's program")
    folder.take_up()
    with saving.guarding(folder):
        settings = RunFolder(folder.path / _name(next(iter(MODELS)))).read_record()["settings"]
        return _both_models(settings, folder, progress, saving)


def _name(model):
    return model.replace(" ", "-")


def _both_models(settings, folder, progress, saving):
    prepared = prepare(settings)
    results, histories = {}, {}
    for name, pooling in MODELS.items():
        own = settings.changed(pooling=pooling)
        results[name], histories[name] = _one_model(own, prepared, folder.path / _name(name), progress, saving)
        if results[name]["interrupted"]:
            break
    figure = draw.train_and_test(histories, title="The article's program: random labels")
    folder.write_figure("curves.png", figure)
    interrupted = any(record["interrupted"] for record in results.values())
    record = {"task": "article", "seed": settings.seed, "models": results, "interrupted": interrupted}
    folder.write_json("results.json", record)
    if not interrupted and not saving.keep:
        for name in MODELS:
            shutil.rmtree(folder.path / _name(name) / CHECKPOINTS, ignore_errors=True)
    return folder, results


def _one_model(settings, prepared, path, progress, saving):
    dataset = prepared.dataset
    folder = RunFolder(path)
    path.mkdir(exist_ok=True)
    model = build_model(settings, num_classes=2, vocabulary=None, input_size=prepared.input_size)
    data = fingerprint(dataset)
    folder.write_settings(
        settings, classes=dataset.classes, vocabulary=None, input_size=prepared.input_size, data=data
    )
    batches = prepared.batches("train", settings.batch_size)
    test = prepared.batches("test", settings.batch_size)
    before = {part: _measure(model, prepared, part) for part in ("train", "test")}
    checkpoint = saving.checkpoints(folder, settings, data)
    history = fit_model(model, settings, batches, test, False, progress=progress, checkpoint=checkpoint)
    folder.write_weights(model.state_dict())
    history.to_csv(folder.path / "history.csv")
    record = {
        "seconds": round(history.seconds, 1),
        "epochs_run": len(history.rows),
        "interrupted": history.interrupted,
        "interrupted_by": history.interrupted_by,
        "before": before,
        "after": {part: _measure(model, prepared, part) for part in ("train", "test")},
    }
    folder.write_json("results.json", record)
    return record, history.rows


def _measure(model, prepared, part):
    index = prepared.dataset.split[part]
    told = predictions(model, [prepared.inputs[k] for k in index])
    targets = prepared.dataset.targets[index]
    loss, _ = training.CrossEntropyLoss().forward(told.logits, targets)
    return {"loss": float(loss), "accuracy": float((told.classes == targets).mean())}
