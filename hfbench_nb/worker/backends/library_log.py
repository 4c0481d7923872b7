"""What Transformers logs that explains a metric: that it runs slow code because faster code is not installed."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import transformers

# How the library says that it takes a slower path than it could.
_SLOWER = re.compile(r"fall(s|ing)? back|fast path|much slower|naive implementation", re.IGNORECASE)


class _Collector(logging.Handler):
    """Collects each message about slower code once, on one line; everything else stays silent."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message, if it is one."""
        text = " ".join(record.getMessage().split()).rstrip(".")
        if _SLOWER.search(text) and text not in self.heard:
            self.heard.append(text)


def quiet() -> None:
    """Let Transformers print errors alone, in a process that is there to fork workers.

    Its level lets warnings pass, which `hear_of_slow_code` collects: changing the level in each worker would clear what
    each logger has cached, and so copy memory that the processes share.
    """
    root = logging.getLogger(transformers.__name__)
    root.setLevel(logging.WARNING)
    for handler in root.handlers:
        handler.setLevel(logging.ERROR)


@contextmanager
def hear_of_slow_code() -> Iterator[list[str]]:
    """Collect what Transformers says of slower code that it runs instead of faster code, without printing it."""
    root = logging.getLogger(transformers.__name__)
    level, handlers, propagates = root.level, root.handlers[:], root.propagate
    collector = _Collector()
    # The library says such things once per process, but a case is to have them although another was built before it.
    once = getattr(getattr(logging.Logger, "warning_once", None), "cache_clear", None)
    if once is not None:
        once()
    root.handlers[:], root.propagate = [collector], False
    if level != logging.WARNING:
        root.setLevel(logging.WARNING)
    try:
        yield collector.heard
    finally:
        if level != logging.WARNING:
            root.setLevel(level)
        root.handlers[:], root.propagate = handlers, propagates
