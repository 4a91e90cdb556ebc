"""Everything that decides a training run, in one flat record."""

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_args, get_type_hints

from scratchnn.errors import InputError


class SettingsError(InputError):
    """A setting has no meaning; the sentence says which, what came and what was expected."""


CHOICES = {
    "cell": ("lstm", "gru", "rnn"),
    "pooling": ("attention", "last", "mean", "self_attention"),
    "score": ("additive", "dot", "scaled_dot", "general"),
    "query": ("learned", "last"),
    "dropout_per": ("step", "sequence"),
    "optimizer": ("adam", "adamw", "sgd", "adagrad", "rmsprop"),
    "schedule": ("constant", "cosine", "step", "linear", "exponential", "plateau"),
    "class_weights": ("none", "balanced"),
    "unit": ("auto", "characters", "words"),
    "fit_on": ("train", "train+valid"),
    "backend": ("cpu", "reference", "gpu"),
}
# more than 0 and at most this
POSITIVE = {
    "embedding_size": 65536, "hidden_size": 65536, "num_layers": 100, "epochs": 10**9, "batch_size": 10**6,
    "learning_rate": 1e6, "minimum_count": 10**9, "threads": 1024, "members": 1000, "steps": 10**6,
    "accumulate": 10**6,
}  # fmt: skip
SHARES = (
    "input_dropout", "dropout", "output_dropout", "label_smoothing", "average", "warmup",
    "ngram_dropout", "replace", "remove",
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The settings of one training run.

    Model: ``cell, embedding_size, hidden_size, num_layers, bidirectional, pooling, score, query,
    input_dropout, dropout, output_dropout, dropout_per, init, forget_bias`` as in ``models.SequenceClassifier``.
    Training: ``optimizer, learning_rate, weight_decay, decay_biases`` (False: arrays with one axis do not decay),
    ``momentum, schedule, warmup`` (share of all steps), ``epochs, batch_size, accumulate`` (batches whose gradients
    make one step), ``max_norm`` (0: no clipping), ``clip_value`` (above 0: clamp every entry of the gradient to it
    instead), ``class_weights`` ("balanced": every class counts the same in the loss), ``label_smoothing, average``
    (decay of the weight average, 0: none), ``patience`` (epochs without improvement before stopping, 0: never),
    ``fit_on`` ("train" keeps the validation part for choosing the best epoch, "train+valid" learns from both),
    ``members`` (models trained from different starts that answer together).
    ``steps`` (of a language model's chunk: what one backward pass reaches).
    Data: ``task, data`` (path of the user's own file), ``unit, minimum_count, marks`` (begin and end marks around a
    text), ``ngrams`` (hashed n-grams of these sizes added to the embedding, "" for none), ``ngram_dropout, replace,
    remove`` (share of ids made unknown or left out at every pass).
    Machine: ``backend`` ("cpu": compiled kernels, "reference": NumPy, "gpu": kernels on a device), ``threads`` (of
    kernels and matrix products on the CPU; 1 is quickest for the small ones here).
    """

    task: str = "surnames"
    data: str | None = None
    unit: str = "auto"
    minimum_count: int = 1
    marks: bool = False
    ngrams: str = ""
    ngram_dropout: float = 0.0
    replace: float = 0.0
    remove: float = 0.0
    cell: str = "lstm"
    embedding_size: int = 32
    hidden_size: int = 64
    num_layers: int = 1
    bidirectional: bool = True
    pooling: str = "attention"
    score: str = "additive"
    attention_size: int | None = None
    query: str = "learned"
    input_dropout: float = 0.0
    dropout: float = 0.0
    output_dropout: float = 0.0
    dropout_per: str = "step"
    init: str = "pytorch"
    forget_bias: float | None = None
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    decay_biases: bool = True
    momentum: float = 0.0
    schedule: str = "constant"
    warmup: float = 0.0
    epochs: int = 20
    batch_size: int = 64
    steps: int = 64
    accumulate: int = 1
    max_norm: float = 1.0
    clip_value: float = 0.0
    class_weights: str = "none"
    label_smoothing: float = 0.0
    average: float = 0.0
    patience: int = 0
    fit_on: str = "train"
    members: int = 1
    seed: int = 0
    backend: str = "cpu"
    threads: int = 1

    def __post_init__(self):
        for name, kind in get_type_hints(type(self)).items():
            _expect_kind(name, getattr(self, name), kind)
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise SettingsError(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(allowed)}")
        for name, most in POSITIVE.items():
            if not getattr(self, name) > 0:
                raise SettingsError(f"{name} is {getattr(self, name)}, expected more than 0")
            if getattr(self, name) > most:
                raise SettingsError(f"{name} is {getattr(self, name)}, expected at most {most}")
        for name in SHARES:
            if not 0 <= getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}, expected 0 up to (not including) 1")
        if not all(n.isdigit() and int(n) > 1 for n in self.ngrams.split(",") if n):
            raise SettingsError(f"ngrams is {self.ngrams!r}, expected sizes of at least 2 such as 2,3")
        for name in ("weight_decay", "momentum", "max_norm", "clip_value", "patience", "seed"):
            if not getattr(self, name) >= 0:
                raise SettingsError(f"{name} is {getattr(self, name)}, expected 0 or more")

    @property
    def ngram_sizes(self) -> tuple[int, ...]:
        """The sizes in ``ngrams`` as a tuple of int: "2,3" gives (2, 3)."""
        return tuple(int(n) for n in self.ngrams.split(",") if n)

    def changed(self, **changes: Any) -> "Settings":
        """Give a copy with other values; None means unchanged.

        Parameters
        ----------
        **changes
            Names and values of settings.

        Returns
        -------
        Settings
        """
        return replace(self, **{name: value for name, value in changes.items() if value is not None})

    def to_dict(self) -> dict:
        """Give a plain dict for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict) -> "Settings":
        """Rebuild from ``to_dict``.

        Parameters
        ----------
        record : dict

        Returns
        -------
        Settings

        Raises
        ------
        SettingsError
            A name is unknown or a value has no meaning.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(record) - known)
        if unknown:
            raise SettingsError(f"unknown setting {unknown[0]!r}")
        return cls(**record)


def _expect_kind(name, value, kind):
    """Raise SettingsError unless a value has the type of its field; a whole number may stand for a float."""
    kinds = get_args(kind) or (kind,)
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        names = " or ".join("nothing" if k is type(None) else k.__name__ for k in kinds)
        raise SettingsError(f"{name} is {value!r}, expected {names}")
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{name} is {value}, expected a finite number")
