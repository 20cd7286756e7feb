"""What the environment says, for servers that construct a middleware with nothing but the application."""

from __future__ import annotations

import os
from pathlib import Path

from .. import _ffi
from .._guard import Guard

_PREFIX = "WEIGHTSEAL_GUARD_"


def guard() -> Guard:
    path = _text("LIMITS")
    return Guard(
        limits=Path(path).read_bytes() if path else None,
        secret=_secret(),
        trusted_proxies=_list("TRUSTED_PROXIES"),
        forwarded_header=_text("FORWARDED_HEADER") or "x-forwarded-for",
        shared_memory=_text("SHARED_MEMORY"),
    )


def paths() -> frozenset[str] | None:
    return frozenset(_list("PATHS")) or None


def context_length() -> int | None:
    text = _text("CONTEXT_LENGTH")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{_PREFIX}CONTEXT_LENGTH is no number of tokens: {text!r}")
    return int(text)


def _secret() -> bytes | None:
    path = _text("SECRET")
    if path is None:
        return None
    with open(path, "rb") as file:
        secret = file.read(_ffi.KEY_BYTES + 1)
    if len(secret) != _ffi.KEY_BYTES:
        raise ValueError(f"{_PREFIX}SECRET: {path} is no file of {_ffi.KEY_BYTES} bytes")
    return secret


def _text(name: str) -> str | None:
    """None where it is empty, too."""
    return os.environ.get(_PREFIX + name) or None


def _list(name: str) -> list[str]:
    return [item.strip() for item in (_text(name) or "").split(",") if item.strip()]
