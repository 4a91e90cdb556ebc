"""How a run saves itself while it trains: how often, where, and how it is begun and ended."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scratchnn import training
from scratchnn.errors import InputError

from .folder import CHECKPOINTS, RunError, RunFolder
from .settings import Settings, SettingsError

FREE = ("backend", "threads", "data")  # may change: they move the last digits only, or say where the data lies


@dataclass(frozen=True)
class Saving:
    """How a run saves itself.

    Attributes
    ----------
    every : str
        "60s": after so many seconds; "500": after so many steps; and at the end of every epoch.
    keep : bool
        Leave the last checkpoints in the folder of a finished run.
    say : function, optional
        Told in one sentence what a person should know; default: a warning.
    """

    every: str = "60s"
    keep: bool = False
    say: Callable[[str], None] | None = None

    def __post_init__(self):
        self.rhythm()

    def rhythm(self) -> dict[str, Any]:
        """Give ``every`` as an argument of ``training.Checkpoints``.

        Returns
        -------
        dict
            ``seconds`` or ``steps``.

        Raises
        ------
        SettingsError
            It is neither.
        """
        number, unit = self.every.removesuffix("s"), self.every[len(self.every.removesuffix("s")) :]
        with contextlib.suppress(ValueError):
            value = float(number) if unit else int(number)
            if 0 < value < float("inf"):
                return {"seconds": value} if unit else {"steps": value}
        raise SettingsError(
            f"checkpoint-every is {self.every!r}, expected seconds such as 60s or a number of steps such as 500"
        )

    def checkpoints(self, folder: RunFolder, settings: Settings, data: str, member: int = 0) -> training.Checkpoints:
        """Make the checkpoints of one model of a run.

        Parameters
        ----------
        folder : RunFolder
        settings : Settings
        data : str
            Fingerprint of the data set.
        member : int
            Number in a committee, from 0.

        Returns
        -------
        training.Checkpoints
            Each model has a folder of its own, and its last checkpoint stays until the whole run is finished.
        """
        decides = {name: value for name, value in settings.to_dict().items() if name not in FREE}
        return training.Checkpoints(
            folder.path / CHECKPOINTS / str(member + 1),
            keep=True,
            about={"settings": decides, "data": data, "member": member},
            made_with={"backend": settings.backend},
            say=self.say,
            **self.rhythm(),
        )

    @contextlib.contextmanager
    def guarding(self, folder: RunFolder) -> Iterator[None]:
        """Train in a folder: a run that fails leaves nothing, or what it can be gone on from, and says so.

        Parameters
        ----------
        folder : RunFolder
            Let go of at the end.
        """
        try:
            yield
            if folder.finished and not self.keep:
                shutil.rmtree(folder.path / CHECKPOINTS, ignore_errors=True)
        except training.TrainingError:  # it would happen again, bit for bit
            shutil.rmtree(folder.path / CHECKPOINTS, ignore_errors=True)
            folder.discard()
            raise
        except InputError as error:
            if folder.discard():
                raise
            raise RunError(f"{error}; {go_on(folder.path)}") from None
        except BaseException:
            if not folder.discard() and self.say is not None:
                self.say(go_on(folder.path))
            raise
        finally:
            folder.let_go()


def go_on(path: Path) -> str:
    """Say how a stopped run goes on.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
    """
    return f"`scratchnn train --resume {path}` goes on from the last checkpoint"
