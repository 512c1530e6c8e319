"""For how long an answer may be used again (RFC 9111, as a private cache). No I/O."""

from __future__ import annotations

from typing import Dict, Mapping, Optional

__all__ = ["lifetime", "may_be_stored"]


def lifetime(headers: Mapping[str, str]) -> Optional[float]:
    """The seconds for which it may be used without asking; None if the headers do not say.

    Their names are in lower case. What is no number is taken for 0 (section 4.2.1).
    """
    said = _directives(headers)
    if "no-store" in said or "no-cache" in said:
        return 0.0
    if "max-age" not in said:
        return None
    return float(max(0, _seconds(said["max-age"]) - _seconds(headers.get("age", ""))))


def may_be_stored(headers: Mapping[str, str]) -> bool:
    """Whether it may be kept, to ask by its ETag whether it has changed."""
    return "no-store" not in _directives(headers)


def _directives(headers: Mapping[str, str]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for each in headers.get("cache-control", "").split(","):
        name, _, value = each.partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def _seconds(text: str) -> int:
    text = text.strip()
    # Ten digits are more than a century.
    return int(text[:10]) if text.isascii() and text.isdigit() else 0
