"""Automatic mutants of reference.py that nobody can tell from it over HTTP: each with the reason."""

from __future__ import annotations

EQUIVALENT: dict[str, str] = {}
"""What was done, as `automatic.mutants` names it, and why it makes no difference that the document or a law speaks of."""
