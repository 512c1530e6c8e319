"""For the tests of applications that use agents.

What is served here is asked over HTTP, by the code that asks in production. The names below are
imported when they are first used.
"""

from __future__ import annotations

# Type checkers take this for true; importing it from typing would cost ten times the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from .faults import (
        cut as cut,
        rate_limited as rate_limited,
        silence as silence,
        slow as slow,
        unavailable as unavailable,
    )
    from .script import (
        Request as Request,
        Script as Script,
        answer as answer,
        ask as ask,
        data as data,
        error as error,
        event as event,
        file as file,
        reject as reject,
        reply as reply,
        sleep as sleep,
        step as step,
        tool as tool,
    )
    from .serving import serve as serve
    from .stores import StoreConformance as StoreConformance

_WHERE = {
    "faults": ("cut", "rate_limited", "silence", "slow", "unavailable"),
    "script": (
        "Request",
        "Script",
        "answer",
        "ask",
        "data",
        "error",
        "event",
        "file",
        "reject",
        "reply",
        "sleep",
        "step",
        "tool",
    ),
    "serving": ("serve",),
    "stores": ("StoreConformance",),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}

__all__ = sorted(_MODULE_OF)

# Hidden from type checkers, which would otherwise accept any name at all.
if not TYPE_CHECKING:

    def __getattr__(name):
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError("module %r has no attribute %r" % (__name__, name))
        from importlib import import_module

        value = getattr(import_module("." + module, __name__), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
