"""Who sends a request."""

from __future__ import annotations

from typing import NamedTuple, Union

from ._types import Scope, header


class Client(NamedTuple):
    """Whom the limits of the tiers "client" and "pool" count; None: nobody in particular."""

    name: Union[str, bytes, None] = None
    pool: Union[str, bytes, None] = None


def bearer_key(scope: Scope) -> Client:
    """The client that the first `Authorization: Bearer KEY` names; others are nobody in particular, all together."""
    for value in header(scope, b"authorization")[:1]:
        scheme, _, key = value.partition(b" ")
        if scheme.lower() == b"bearer":
            return Client(key.strip() or None)
    return Client()


def peer(scope: Scope) -> str | None:
    """The address of the connection; None where the server knows none, as with sockets of a file system."""
    address = scope.get("client")
    return str(address[0]) if address else None
