"""The agents that docs/activeworkflow.md shows, as a reader has them."""

import re
from typing import Any, Dict, Optional

from tests import ROOT

__all__ = ["shown"]


def shown(name: str, moved: Optional[Dict[str, str]] = None) -> Dict[str, Any]:
    """The names that the snippet defines which has ``name`` in it; ``moved`` replaces texts."""
    text = (ROOT / "docs" / "activeworkflow.md").read_text("utf-8")
    snippets = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    (snippet,) = (each for each in snippets if re.search(r"\b%s\b" % name, each))
    for old, new in (moved or {}).items():
        assert old in snippet
        snippet = snippet.replace(old, new)
    names: Dict[str, Any] = {"__name__": "shown"}
    exec(compile(snippet, "docs/activeworkflow.md", "exec"), names)
    return names
