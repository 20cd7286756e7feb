"""Documents of JSON that callers pass: limits, policies, bundles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Union

#: JSON text, or what `json.dumps` makes that text of.
Document = Union[str, bytes, Mapping[str, Any]]


def document_text(document: Document) -> bytes:
    if isinstance(document, bytes):
        return document
    return (document if isinstance(document, str) else json.dumps(document)).encode()
