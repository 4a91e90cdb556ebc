"""Checkpoints of a fit: when they are written, which are kept, and which one a fit goes on from."""

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scratchnn import files

from . import snapshot
from .checkpoint_file import Snapshot, decode, encode
from .errors import CheckpointError

if TYPE_CHECKING:
    from .run import Run

KEPT = 2  # the last one and the one before it
SHARE = 0.01  # of the time may go to saving
PATTERN = "checkpoint-*.safetensors"


class Checkpoints:
    """A folder of checkpoints. ``fit(..., checkpoint=...)`` writes them, and goes on from the last good one it finds.

    A checkpoint holds weights, optimiser, Generator, position in the data, running averages, best weights, early
    stopping, schedule, carried state and history, so the rest of the fit is the same, bit for bit, as if it had
    never stopped: with the same data, settings, versions and number of threads.

    Parameters
    ----------
    folder : str or Path
        Made if need be; one fit at a time uses it.
    seconds : float
        Save after so much time, and at the end of every epoch, but never so often that saving takes more than 1 %
        of the time.
    steps : int, optional
        Save after every so many steps too, and at the end of every epoch, whatever that costs.
    keep : bool
        Keep the checkpoint of the finished fit, so that the same ``fit`` called again gives its result at once.
        False: a fit that comes to its end takes its checkpoints away.
    about : dict, optional
        What else decides the result, as JSON can hold it (e.g. a fingerprint of the data): a fit given another
        ``about`` refuses to go on.
    made_with : dict, optional
        What else may change the last digits: a difference is said, and the fit goes on.
    say : function, optional
        Told in one sentence what a person should know: going on from where, a damaged checkpoint, other versions,
        a full disk. Default: a warning, but not for the mere going on.

    Raises
    ------
    ValueError
        ``seconds`` or ``steps`` is not above 0.

    Notes
    -----
    To find its place in an epoch again, a fit calls ``batches(rng)`` with the Generator as it was when the epoch
    began, takes as many batches as had been taken, and then sets the Generator to what it was at the checkpoint. So
    what a pass draws after its first batch may decide that one batch, but no later one by another way than through
    the Generator.
    Files are replaced whole (``scratchnn.files``); each holds a checksum over all its bytes. A checkpoint that turns
    out to be damaged is set aside as ``NAME.damaged`` and the one before it is used.
    Checked by: tests/training/test_checkpoints.py, test_checkpoints_killed.py
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        seconds: float = 60.0,
        steps: int | None = None,
        keep: bool = False,
        about: dict[str, Any] | None = None,
        made_with: dict[str, Any] | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        if not seconds > 0:
            raise ValueError(f"Checkpoints: seconds is {seconds}, expected a number above 0")
        if steps is not None and (int(steps) != steps or steps < 1):
            raise ValueError(f"Checkpoints: steps is {steps}, expected a whole number of at least 1")
        self.folder, self.seconds, self.steps, self.keep = Path(folder), seconds, steps, keep
        self.about, self.made_with = about or {}, made_with or {}
        self.say = say
        self.given: dict[str, Any] = {}
        self.saved_at, self.saved_step, self.cost = time.perf_counter(), 0, 0.0
        self.failing = False

    @contextlib.contextmanager
    def opened(self, run: "Run", **settings: Any) -> Iterator[bool]:
        """Hold the folder for the time of the block; bring the fit to where the last good checkpoint was taken.

        Parameters
        ----------
        run : Run
            As it begins.
        **settings
            Of ``fit``, beside those in ``run``.

        Yields
        ------
        bool
            True: that fit had come to its end.

        Raises
        ------
        CheckpointError
            There are checkpoints, but none is good, or they are of another fit; or the folder cannot be written.
        HeldError
            Another fit uses the folder.
        """
        import safetensors.numpy  # noqa: F401, now, so that the first save is not charged for it

        about = snapshot.asked(run, **settings) | {"about": self.about}
        self.given = {"asked": about, "made_with": snapshot.made_with() | self.made_with}
        try:
            made = not self.folder.exists()
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = files.hold(self.folder)
            files.sweep(self.folder)
        except OSError as error:
            raise CheckpointError(f"{self.folder} cannot be written: {error.strerror or error}") from None
        try:
            yield self._restore(run)
        finally:
            files.let_go(lock)
            with contextlib.suppress(OSError):
                if made:  # and only if nothing is left in it
                    self.folder.rmdir()

    def after_step(self, run: "Run") -> None:
        """Save if it is time.

        Parameters
        ----------
        run : Run

        Raises
        ------
        Stopped
            A signal asked for it.
        """
        run.interrupts.stop_here()
        waited = time.perf_counter() - self.saved_at
        due = self.steps is not None and run.step - self.saved_step >= self.steps
        if due or waited >= max(self.seconds, self.cost / SHARE):
            self.save(run)

    def after_epoch(self, run: "Run") -> None:
        """Save, unless that would be too often.

        Parameters
        ----------
        run : Run

        Raises
        ------
        Stopped
            A signal asked for it.
        """
        run.interrupts.stop_here()
        if self.steps is not None or time.perf_counter() - self.saved_at >= self.cost / SHARE:
            self.save(run)

    def save(self, run: "Run", *, finished: bool = False) -> None:
        """Write a checkpoint and remove the oldest. If the disk is full, say so: the earlier ones remain.

        Parameters
        ----------
        run : Run
        finished : bool
            The fit is over and the final weights are in the model.
        """
        began = time.perf_counter()
        found = self._found()
        number = 1 + max((number for number, _ in found), default=0)
        try:
            content = encode(snapshot.take(run, self.given, finished=finished))
            files.write_bytes(self.folder / f"checkpoint-{number:06d}.safetensors", content)
            for _, path in found[KEPT - 1 :]:
                path.unlink(missing_ok=True)
            self.failing = False
        except OSError as error:
            if not self.failing:
                kept = "the one before it remains" if found else "there is none yet"
                self._say(f"a checkpoint in {self.folder} cannot be written ({error.strerror or error}): {kept}")
            self.failing = True
        self.saved_at, self.saved_step = time.perf_counter(), run.step
        self.cost = self.saved_at - began

    def finish(self, run: "Run") -> None:
        """Take the checkpoints away, or keep one of the finished fit.

        Parameters
        ----------
        run : Run
            With its final weights in the model.
        """
        if self.keep:
            self.save(run, finished=True)
            return
        for _, path in self._found():
            path.unlink(missing_ok=True)

    def _restore(self, run):
        """Give True if the fit had come to its end."""
        moment = self._last_good()
        if moment is None:
            return False
        path, (_, record) = moment
        try:
            self._expect_same(record)
            snapshot.put_back(run, moment[1])
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{path} does not fit this fit ({type(error).__name__}: {error})") from None
        self.saved_at, self.saved_step = time.perf_counter(), run.step
        if self.say is not None and not record["finished"]:
            place = f"epoch {run.epoch} was finished" if run.between else f"epoch {run.epoch}, batch {run.position}"
            self._say(f"going on from {path.name}: {place}")
        return record["finished"]

    def _last_good(self) -> tuple[Path, Snapshot] | None:
        found, bad = self._found(), []
        for _, path in found:
            try:
                moment = decode(path.read_bytes())
            except OSError as error:
                raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None
            except CheckpointError as error:
                bad.append((path, error))
                continue
            for broken, error in bad:
                broken.replace(broken.with_name(f"{broken.name}.damaged"))
                self._say(f"{broken} {error}: going on from the one before it, {path.name}")
            return path, moment
        if bad:
            (first, error), more = bad[0], "".join(f", and {path.name} {error}" for path, error in bad[1:])
            raise CheckpointError(f"{first} {error}{more}: remove what is damaged to begin from the start")
        return None

    def _expect_same(self, record):
        other = snapshot.first_difference(self.given["asked"], record["asked"])
        if other:
            name, now, then = other
            raise CheckpointError(
                f"{name} is {now!r} now and was {then!r} before the stop; a fit goes on only with the data and "
                "settings it began with"
            )
        other = snapshot.first_difference(self.given["made_with"], record["made_with"])
        if other:
            name, now, then = other
            self._say(
                f"{name}: {now} now, {then} before the stop; the result may differ in the last digits from that of "
                "an unbroken run"
            )

    def _found(self):
        """Give (number, path) of the checkpoints there are, the last one first."""
        numbered = []
        for path in self.folder.glob(PATTERN):
            number = path.stem.removeprefix("checkpoint-")
            if number.isdecimal():
                numbered.append((int(number), path))
        return sorted(numbered, reverse=True)

    def _say(self, sentence):
        if self.say is None:
            warnings.warn(sentence, stacklevel=2)
        else:
            self.say(sentence)


class NoCheckpoints:
    """What ``fit`` uses when it is given none."""

    @contextlib.contextmanager
    def opened(self, run: "Run", **settings: Any) -> Iterator[bool]:
        """Begin from the start."""
        yield False

    def after_step(self, run: "Run") -> None:
        """Do nothing."""

    def after_epoch(self, run: "Run") -> None:
        """Do nothing."""

    def save(self, run: "Run") -> None:
        """Do nothing."""

    def finish(self, run: "Run") -> None:
        """Do nothing."""
