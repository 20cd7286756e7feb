"""Programs that run beside the tests: they end with this process, whatever ends it, and choose ports of their own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

TIME_LIMIT = 300  # seconds for anything that is waited for: only what hangs reaches it


def path() -> str:
    """Debian has the tools of openssl and Ceph here, and an ordinary user's PATH may lack a part."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/bin"])


def bound(command: tuple[str, ...]) -> list[str]:
    """The kernel kills the command when this process ends, also when it is killed itself."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *command]


def listening(process: subprocess.Popen[bytes]) -> set[int]:
    """The TCP ports at which the process waits for connections."""
    sockets = set()
    with contextlib.suppress(OSError):  # it has ended, or closes one at this moment
        for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
            sockets.add(os.readlink(descriptor))
    ports = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, _, _, _, _, _, inode, *_ = line.split()
        if state == "0A" and f"socket:[{inode}]" in sockets:
            ports.add(int(local.partition(":")[2], 16))
    return ports


def free_port() -> int:
    """A TCP port of the loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition: Callable[[], bool]) -> None:
    """Waits for what another process does."""
    deadline = time.monotonic() + TIME_LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("a daemon does not answer")
        time.sleep(0.02)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of localhost, which is its own authority, and its key."""
    certificate, key = folder / "server.crt", folder / "server.key"
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-batch",
        "-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
    ]
    subprocess.run(command, env={**os.environ, "PATH": path()}, check=True, capture_output=True)
    return certificate, key
