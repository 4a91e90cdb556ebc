"""The child process of ``safely``: limits itself, calls, and writes down what happens."""

import importlib
import json
import sys
import warnings
from pathlib import Path

from .safely import ASKED, TOLD


def main(folder: str) -> None:
    """Do what stands in the folder.

    Parameters
    ----------
    folder : str
    """
    asked = json.loads(Path(folder, ASKED).read_text(encoding="utf-8"))
    with Path(folder, TOLD).open("a", encoding="utf-8") as file:

        def tell(name, value):
            file.write(json.dumps([name, value], default=str) + "\n")
            file.flush()

        module, _, name = asked["function"].partition(":")
        function = getattr(importlib.import_module(module), name)
        _limit(asked["megabytes"], asked["seconds"])
        warnings.simplefilter("ignore")  # judged code may overflow; the numbers show it
        try:
            tell("!returned", function(tell, *asked["arguments"]))
        except MemoryError:
            tell("!memory", "")
        except SystemExit as error:
            tell("!exited", repr(error.code))
        except BaseException as error:
            tell("!raised", f"{type(error).__name__}: {error}")


def _limit(megabytes, seconds):
    try:
        import resource
    except ImportError:  # no such limit on this system
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    most = int(seconds) + 5  # whoever waits for us ends us before; this is for when nobody waits any more
    resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    main(sys.argv[1])
