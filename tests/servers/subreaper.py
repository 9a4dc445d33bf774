"""Runs a command and becomes the parent of all that its processes leave behind (Linux).

Patroni starts PostgreSQL in such a way that it is no child of its own; so a tree of processes would miss it.
"""

import ctypes
import os
import signal
import subprocess
import sys

# https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
PR_SET_CHILD_SUBREAPER = 36

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    command = subprocess.Popen(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: command.terminate())
    ended = 0
    while ended != command.pid:
        # Also of the others: a process that nobody has waited for looks as if it still ran.
        ended, _ = os.wait()
