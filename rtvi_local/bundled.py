"""Files that travel with the program: the model manifest and the built page."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_IN_WHEEL = {"models": _PACKAGE / "_bundled" / "models", "web": _PACKAGE / "_bundled" / "web"}
_IN_CHECKOUT = {"models": _PACKAGE.parent / "models", "web": _PACKAGE.parent / "web" / "dist"}


def bundled(name: str) -> Path:
    """The folder of that name, from the installed wheel, or from the checkout that an editable install points to."""
    installed = _IN_WHEEL[name]
    return installed if installed.is_dir() else _IN_CHECKOUT[name]
