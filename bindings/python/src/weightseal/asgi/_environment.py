"""What the environment says, for servers that construct a middleware with nothing but the application."""

from __future__ import annotations

import os
from pathlib import Path

from .._guard import Guard

_PREFIX = "WEIGHTSEAL_GUARD_"


def guard() -> Guard:
    path = os.environ.get(_PREFIX + "LIMITS")
    return Guard(
        limits=Path(path).read_bytes() if path else None,
        trusted_proxies=_list("TRUSTED_PROXIES"),
        forwarded_header=os.environ.get(_PREFIX + "FORWARDED_HEADER") or "x-forwarded-for",
    )


def paths() -> frozenset[str] | None:
    return frozenset(_list("PATHS")) or None


def context_length() -> int | None:
    text = os.environ.get(_PREFIX + "CONTEXT_LENGTH")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{_PREFIX}CONTEXT_LENGTH is no number of tokens: {text!r}")
    return int(text)


def _list(name: str) -> list[str]:
    return [item.strip() for item in os.environ.get(_PREFIX + name, "").split(",") if item.strip()]
