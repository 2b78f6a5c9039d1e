"""Recorded-style answers, and what was asked to get them."""

from pathlib import Path

from notifier.dintero.wire.place import Place
from notifier.domain.model import ConnectionKey

FOLDER = Path(__file__).parents[2] / "samples" / "dintero"

PLACE = Place("connection vipps of P12345678", "/accounts/P12345678/x", "NOTIFIER_DINTERO__")
VIPPS = ConnectionKey("P12345678", "vipps")


def load(name: str) -> bytes:
    """Read the bytes of one sample."""
    return (FOLDER / f"{name}.json").read_bytes()
