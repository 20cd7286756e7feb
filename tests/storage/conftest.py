from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from radosgw import Radosgw, Unavailable, running


def missing(what: str) -> NoReturn:
    """A test cannot run here. On CI nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI skips nothing")
    pytest.skip(what)


@pytest.fixture(scope="session")
def radosgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radosgw]:
    """One server for all tests: each makes buckets and users of its own."""
    try:
        with running(tmp_path_factory.mktemp("radosgw")) as server:
            yield server
    except Unavailable as reason:
        missing(str(reason))
