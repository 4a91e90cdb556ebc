"""A fence around judged code: no processes, no network, no files but for reading.

Python's audit hooks see every such call and cannot be taken away again. The fence keeps accidents and pranks away
from the teacher's machine; it is no prison: native code can climb over it, so grade strangers in a container.
"""

import os
import sys

FORBIDDEN = {
    "os.fork": "start processes", "os.forkpty": "start processes", "os.exec": "start processes",
    "os.posix_spawn": "start processes", "os.spawn": "start processes", "os.system": "start processes",
    "os.startfile": "start processes", "subprocess.Popen": "start processes", "os.kill": "end processes",
    "os.killpg": "end processes", "socket.connect": "use the network", "socket.bind": "use the network",
    "os.remove": "change files", "os.rename": "change files", "os.rmdir": "change files", "os.mkdir": "change files",
    "os.truncate": "change files", "os.link": "change files", "os.symlink": "change files",
    "os.chmod": "change files", "shutil.rmtree": "change files", "shutil.move": "change files",
    "ctypes.dlopen": "load native code", "ctypes.dlsym": "load native code",
}  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Forbidden(PermissionError):
    """Judged code asked for something that it may not have."""


def fence() -> None:
    """Put the fence up around this process, for good."""
    signal_safe = {os.devnull}

    def watch(event, arguments):
        if event in FORBIDDEN:
            raise Forbidden(f"judged code may not {FORBIDDEN[event]}")
        if event == "open" and len(arguments) == 3:
            path, mode, flags = arguments
            writes = isinstance(mode, str) and set(mode) & set("wax+")
            writes = writes or (isinstance(flags, int) and flags & WRITING)
            if writes and path not in signal_safe:
                raise Forbidden("judged code may not change files")

    sys.addaudithook(watch)
