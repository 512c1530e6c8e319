"""The suite: ``unit`` needs no server, ``live`` runs against real ones, which ``peers`` starts."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures"
