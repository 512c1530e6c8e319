"""Query parameters as AgentOS reads them."""

from __future__ import annotations

from typing import Any, List, Tuple

__all__ = ["query"]


def query(**values: Any) -> List[Tuple[str, str]]:
    """Names and texts: None is left out, a list repeats its key, True is "true"."""
    params: List[Tuple[str, str]] = []
    for name, value in values.items():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if item is not None:
                text = str(item).lower() if isinstance(item, bool) else str(item)
                params.append((name, text))
    return params
