"""What a command or a file names as ``module:attribute``."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Any

__all__ = ["load"]


def load(name: str) -> Any:
    """The attribute, found from the working directory as gunicorn does. Imports its module.

    Raises ValueError, which says what is wrong, whatever the module raises.
    """
    module_name, colon, path = name.partition(":")
    if not colon or not module_name or not path:
        raise ValueError("%r must be MODULE:NAME, like agents:app" % name)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
        for each in path.split("."):
            found = getattr(found, each)
    except (Exception, SystemExit) as error:
        # SystemExit too: a script that was meant to be started raises it.
        raise ValueError("%s cannot be loaded: %s" % (name, _what_failed(error))) from error
    return found


def _what_failed(error: BaseException) -> str:
    if isinstance(error, (ImportError, SyntaxError)):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    words = traceback.format_exception_only(type(error), error)[-1].strip()
    return "%s (%s, line %s)" % (words, last.filename, last.lineno)
