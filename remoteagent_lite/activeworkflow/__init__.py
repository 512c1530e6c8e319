"""Agents for ActiveWorkflow: written as classes or functions, served by any WSGI server.

The names below are imported when they are first used. None of them but ``Bridge`` needs more than
the standard library.
"""

from __future__ import annotations

# Type checkers take this for true; importing it from typing would cost ten times the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from .agents import Agent as Agent, FunctionAgent as FunctionAgent, agent as agent
    from .app import AgentApp as AgentApp
    from .bridge import Bridge as Bridge
    from .context import Context as Context
    from .failures import (
        AgentError as AgentError,
        CredentialError as CredentialError,
        OptionsError as OptionsError,
        Retry as Retry,
    )
    from .idempotency import MemoryStore as MemoryStore, Store as Store
    from .options import CredentialOption as CredentialOption, Option as Option
    from .simulator import Simulation as Simulation, simulate as simulate
    from .sqlite import SQLiteStore as SQLiteStore

_WHERE = {
    "agents": ("Agent", "FunctionAgent", "agent"),
    "app": ("AgentApp",),
    "bridge": ("Bridge",),
    "context": ("Context",),
    "failures": ("AgentError", "CredentialError", "OptionsError", "Retry"),
    "idempotency": ("MemoryStore", "Store"),
    "options": ("CredentialOption", "Option"),
    "simulator": ("Simulation", "simulate"),
    "sqlite": ("SQLiteStore",),
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
