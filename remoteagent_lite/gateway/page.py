"""What a browser is shown at ``/``: what is fronted, and what is up. No scripts, no I/O."""

from __future__ import annotations

from html import escape
from typing import Any, Dict, Iterable, Optional, Tuple

__all__ = ["page_of"]

_PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>%(title)s</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em }
table { border-collapse: collapse; width: 100%% }
td, th { border-bottom: 1px solid #ccc; padding: .3em .6em; text-align: left; vertical-align: top }
.down { color: #b00 }
</style></head>
<body><h1>%(title)s</h1>
%(body)s
<p><a href="health">health</a> · <a href="info">info</a></p>
</body></html>
"""
_TABLE = "<table><tr><th>kind</th><th>id</th><th>name</th><th>state</th></tr>%s</table>"
_ROW = "<tr><td>%s</td><td>%s</td><td>%s</td><td%s>%s</td></tr>"


def page_of(title: str, rows: Optional[Iterable[Tuple[str, Dict[str, Any]]]]) -> bytes:
    """The page. ``rows`` are kinds and rows of the lists; None for whoever may not see them."""
    if rows is None:
        body = "<p>This is a gateway to agents. It asks for a key or a token.</p>"
    else:
        body = _TABLE % "".join(_row(kind, row) for kind, row in rows)
    return (_PAGE % {"title": escape(title), "body": body}).encode("utf-8", "replace")


def _row(kind: str, row: Dict[str, Any]) -> str:
    metadata = row.get("metadata")
    down = metadata.get("unavailable") if isinstance(metadata, dict) else None
    state = escape(str(down or "up"))
    shown = [escape(str(each or "")) for each in (kind, row.get("id"), row.get("name"))]
    return _ROW % (*shown, ' class="down"' if down else "", state)
