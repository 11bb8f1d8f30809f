"""The signals that end a build, and those that must wait while a process becomes another program."""

from __future__ import annotations

import signal

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

# Block these between fork and exec. Our signal handlers would make the new process act as a second plan. And
# after SIGTSTP it could stay stopped: Linux may not deliver SIGCONT to a process that was forked meanwhile.
BLOCKED_UNTIL_EXEC = (*ENDINGS, signal.SIGTSTP)
