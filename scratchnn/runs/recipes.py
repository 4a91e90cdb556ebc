"""The settings that come with the package: a quick one for every task, and the most accurate ones found.

Those of the surnames were searched for on the validation part (folds of it and of the training part), never on the
test part. The quick ones keep the validation part out of training, so that its curve means something; the best ones
learn from both, as the baselines do.

Those of chars were searched for with the first 80 % of the text to learn from and the next 10 % to measure on; the
held-out last 10 % had no part in it.
"""

from .settings import Settings, SettingsError

SMOOTH = {
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "schedule": "cosine",
    "warmup": 0.1,
    "label_smoothing": 0.1,
    "init": "orthogonal",
    "forget_bias": 1.0,
    "dropout_per": "sequence",
}
NAMES = Settings(
    task="surnames",
    unit="characters",
    marks=True,
    ngrams="2,3",
    ngram_dropout=0.5,
    replace=0.03,
    remove=0.02,
    embedding_size=64,
    hidden_size=96,
    attention_size=64,
    input_dropout=0.2,
    dropout=0.2,
    output_dropout=0.4,
    learning_rate=4e-3,
    epochs=18,
    average=0.995,
    **SMOOTH,
)
SERIES = Settings(
    input_dropout=0.1,
    dropout=0.4,
    output_dropout=0.4,
    learning_rate=5e-3,
    batch_size=32,
    epochs=40,
    average=0.99,
    **SMOOTH,
)
CHARS = Settings(
    task="chars",
    bidirectional=False,
    embedding_size=64,
    hidden_size=192,
    dropout=0.1,
    batch_size=32,
    steps=32,
    learning_rate=1e-2,
    epochs=5,
    **SMOOTH | {"weight_decay": 0.05, "warmup": 0.05, "label_smoothing": 0.0, "dropout_per": "step"},
)
RECIPES = {
    "surnames": NAMES,
    "sentiment": Settings(
        task="sentiment",
        unit="words",
        minimum_count=2,
        embedding_size=64,
        input_dropout=0.4,
        dropout=0.5,
        output_dropout=0.3,
        learning_rate=4e-3,
        batch_size=32,
        epochs=20,
        average=0.99,
        **SMOOTH | {"dropout_per": "step"},
    ),
    "vowels": SERIES.changed(task="vowels"),
    "digits": SERIES.changed(task="digits"),
    "article": Settings(
        task="article",
        hidden_size=20,
        bidirectional=False,
        pooling="last",
        score="dot",
        batch_size=100,
        epochs=1000,
        max_norm=0.0,
    ),
    "chars": CHARS,
    "own": Settings(
        task="own",
        embedding_size=48,
        input_dropout=0.2,
        dropout=0.3,
        output_dropout=0.3,
        learning_rate=4e-3,
        batch_size=32,
        epochs=20,
        **SMOOTH,
    ),
}
BEST = {
    "surnames": NAMES.changed(
        ngram_dropout=0.6,
        replace=0.05,
        remove=0.03,
        hidden_size=128,
        input_dropout=0.3,
        dropout=0.3,
        learning_rate=3e-3,
        epochs=25,
        fit_on="train+valid",
        members=5,
    ),
    "vowels": SERIES.changed(task="vowels", fit_on="train+valid"),
    "digits": SERIES.changed(task="digits", fit_on="train+valid"),
    "chars": CHARS.changed(hidden_size=384, dropout=0.3, learning_rate=8e-3, epochs=10),
}


def recipe(task: str, *, best: bool = False) -> Settings:
    """Give the settings recorded for a task.

    Parameters
    ----------
    task : str
        A key of RECIPES.
    best : bool
        The most accurate configuration found instead of the quick one, where one is recorded.

    Returns
    -------
    Settings

    Raises
    ------
    SettingsError
        Unknown task, or no best configuration for it.
    """
    if task not in RECIPES:
        named = ", ".join(name for name in RECIPES if name != "own")
        raise SettingsError(f"unknown task {task!r}, expected one of {named}, or your own file with --data")
    if best and task not in BEST:
        raise SettingsError(f"no best configuration is recorded for {task}, only for {', '.join(BEST)}")
    return BEST[task] if best else RECIPES[task]
