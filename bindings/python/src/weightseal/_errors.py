"""The one exception of the library."""

from __future__ import annotations


class Error(Exception):
    """What the library refuses or fails at.

    Attributes:
        code: The status number of the C ABI, for example 20. It never changes.
        name: Its identifier, for example "wrong_key". Compare this, not the message.
        message: For people: what was being read, what is wrong and where. It never holds key material.

    Misuse of this package itself (a wrong type, a closed model, an index out of range) raises the usual
    TypeError, ValueError or IndexError instead.
    """

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(code, name, message)
        self.code = code
        self.name = name
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} [{self.name}]"
