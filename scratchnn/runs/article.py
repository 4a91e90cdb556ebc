"""The article's own program: LSTM 10 -> 20 on random sequences with random labels, without and with its attention.

The article defines an attention class but never calls it; here both models are trained. Its labels are drawn by
a coin, so there is nothing to learn but the 100 training sequences by heart: the training loss falls, the loss on
the 10 test sequences rises.
"""

import time
from pathlib import Path

from scratchnn import draw, training

from .folder import RunFolder
from .learning import fit_model
from .prepare import build_model, fingerprint, predictions, prepare
from .settings import Settings

MODELS = {"without attention": "last", "with attention": "self_attention"}


def train_article(
    settings: Settings, out: str | Path | None = None, *, progress: bool = True
) -> tuple[RunFolder, dict]:
    """Run the article's program twice and keep both models.

    Parameters
    ----------
    settings : Settings
        The recipe ``article``.
    out : str or Path, optional
        Folder; each model gets a run folder below it.
    progress : bool

    Returns
    -------
    folder : RunFolder
    results : dict
        Per model: loss and accuracy on both parts at the start and the end.
    """
    prepared = prepare(settings)
    folder = RunFolder.create(out, settings.task)
    results, histories = {}, {}
    try:
        for name, pooling in MODELS.items():
            own = settings.changed(pooling=pooling)
            results[name], histories[name] = _one_model(own, prepared, folder.path / name.replace(" ", "-"), progress)
            if results[name]["interrupted"]:
                break
        folder.write_json("results.json", {"task": "article", "seed": settings.seed, "models": results})
        figure = draw.train_and_test(histories, title="The article's program: random labels")
        folder.write_figure("curves.png", figure)
    except BaseException:
        folder.discard()
        raise
    return folder, results


def _one_model(settings, prepared, path, progress):
    dataset = prepared.dataset
    folder = RunFolder.create(path, settings.task)
    model = build_model(settings, num_classes=2, vocabulary=None, input_size=prepared.input_size)
    folder.write_settings(
        settings, classes=dataset.classes, vocabulary=None, input_size=prepared.input_size, data=fingerprint(dataset)
    )
    batches = prepared.batches("train", settings.batch_size)
    test = prepared.batches("test", settings.batch_size)
    before = {part: _measure(model, prepared, part) for part in ("train", "test")}
    started = time.perf_counter()
    history = fit_model(model, settings, batches, test, False, progress=progress)
    folder.write_weights(model.state_dict())
    history.to_csv(folder.path / "history.csv")
    record = {
        "seconds": round(time.perf_counter() - started, 1),
        "epochs_run": len(history.rows),
        "interrupted": history.interrupted,
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
