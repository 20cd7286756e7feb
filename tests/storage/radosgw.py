"""A real S3 server on loopback: radosgw, Ceph's gateway, over a cluster of one monitor and one OSD in memory.

    with radosgw.running(folder) as server:
        alice = server.user("alice")        # made with radosgw-admin when first asked for
        server.endpoint, server.tls_endpoint, server.authority

Everything it writes is in the folder. Its processes end with this one, whatever ends it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from daemons import TIME_LIMIT, bound, eventually, free_port, listening, make_certificate, path

PROGRAMS = ["monmaptool", "ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin", "openssl", "setpriv"]

CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{port}]
public addr = 127.0.0.1
ms bind msgr1 = false
ms bind retry count = 1
keyring = {folder}/keyring
run dir = {folder}
log file = {folder}/$name.log
mon cluster log file = {folder}/cluster.log
crash dir = {folder}
admin socket =
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}

# Without authentication radosgw does not connect.
auth cluster required = cephx
auth service required = cephx
auth client required = cephx

# One copy on one OSD, in memory; every change of the cluster's map at once.
osd objectstore = memstore
memstore device bytes = {memory}
osd pool default size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data avail crit = 0
paxos propose interval = 0.01

rgw frontends = beast endpoint=127.0.0.1:0 ssl_endpoint=127.0.0.1:0 \\
    ssl_certificate={folder}/server.crt ssl_private_key={folder}/server.key
rgw thread pool size = 32
"""


class Unavailable(Exception):
    """The server cannot be started here, for want of programs."""


@dataclass(frozen=True)
class Credentials:
    """Of one user."""

    name: str
    access_key: str
    secret_key: str

    @property
    def arn(self) -> str:
        """As bucket policies have it."""
        return f"arn:aws:iam:::user/{self.name}"


@dataclass
class Radosgw:
    endpoint: str  # by plain HTTP
    tls_endpoint: str
    authority: Path  # PEM file: whom clients of the TLS endpoint have to trust
    _run: Callable[..., str]
    _users: dict[tuple[str, ...], Credentials] = field(default_factory=dict)

    def user(self, name: str, *options: str) -> Credentials:
        """The user of this name, who is made when first asked for, with these options of radosgw-admin. The keys are
        the server's choice."""
        if (name, *options) not in self._users:
            command = ["radosgw-admin", "user", "create", f"--uid={name}", f"--display-name={name}", *options]
            (key,) = json.loads(self._run(*command))["keys"]
            self._users[name, *options] = Credentials(name, key["access_key"], key["secret_key"])
        return self._users[name, *options]


@contextlib.contextmanager
def running(folder: Path, memory: int = 2 << 30) -> Iterator[Radosgw]:
    """The server, with its files in this folder and objects of at most so many bytes in memory."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=path()) is None]
    if missing:
        raise Unavailable(f"{', '.join(missing)}: not installed")
    for attempt in range(5):
        with contextlib.ExitStack() as daemons:
            cluster = _Cluster(folder / str(attempt), memory, daemons)
            if not cluster.start_monitor():
                continue
            cluster.start_osd()
            yield cluster.start_gateway()
            return
    raise RuntimeError("other programs took each port that was free")


class _Cluster:
    def __init__(self, folder: Path, memory: int, daemons: contextlib.ExitStack) -> None:
        folder.mkdir()
        self._folder = folder
        self._memory = memory
        self._daemons = daemons
        self._environment = {**os.environ, "PATH": path(), "CEPH_CONF": str(folder / "ceph.conf")}

    def start_monitor(self) -> bool:
        """False where another program took the port, which clients have to know beforehand, in the meantime."""
        (self._folder / "mon").mkdir()
        port, fsid = free_port(), str(uuid.uuid4())
        (self._folder / "ceph.conf").write_text(CONFIGURATION.format(fsid=fsid, folder=self._folder, port=port, memory=self._memory))
        self._write_keyring()
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{port}]", "monmap")
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")
        monitor = self._start("ceph-mon", "-i", "a")
        eventually(lambda: port in listening(monitor) or monitor.poll() is not None)
        if monitor.poll() is None:
            return True
        if "Address already in use" in (reason := self._said("ceph-mon")):
            return False
        raise RuntimeError(reason)

    def start_osd(self) -> None:
        (self._folder / "osd").mkdir()
        identity = str(uuid.uuid4())
        self._run("ceph", "osd", "new", identity)
        self._run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
        self._run("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", identity)
        self._start("ceph-osd", "-i", "0")

    def start_gateway(self) -> Radosgw:
        make_certificate(self._folder)
        gateway = self._start("radosgw", "--name", "client.admin")
        eventually(lambda: len(listening(gateway)) == 2 or gateway.poll() is not None)
        if gateway.poll() is not None:
            raise RuntimeError(self._said("radosgw"))
        plain, tls = sorted(listening(gateway), key=_speaks_http, reverse=True)
        return Radosgw(
            f"http://127.0.0.1:{plain}", f"https://localhost:{tls}", self._folder / "server.crt", self._run
        )

    def _write_keyring(self) -> None:
        names = ("mon.", "client.admin", "osd.0")
        caps = "".join(f'caps {service} = "allow *"\n' for service in ("mon", "osd"))
        path = self._folder / "keyring"
        path.touch(mode=0o600)
        path.write_text("".join(f"[{name}]\nkey = {_new_key()}\n{caps}" for name in names))

    def _run(self, *command: str) -> str:
        """What a tool prints. Tools wait by themselves until the daemons answer."""
        result = subprocess.run(
            bound(command), cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=TIME_LIMIT, check=False,
        )
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {result.stdout}{result.stderr}")
        return result.stdout

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{program}.out").open("wb") as output:
            daemon = subprocess.Popen(
                bound((program, "-f", *arguments)), cwd=self._folder, env=self._environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )
        self._daemons.callback(daemon.wait)
        self._daemons.callback(daemon.kill)  # what they have in memory is not needed any more
        return daemon

    def _said(self, program: str) -> str:
        return f"{program}: {(self._folder / f'{program}.out').read_text(errors='replace')}"


def _new_key() -> str:
    """In Ceph's form: type, time of making, length, key."""
    return base64.b64encode(struct.pack("<HIIH", 1, int(time.time()), 0, 16) + os.urandom(16)).decode()


def _speaks_http(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=TIME_LIMIT) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        try:
            return connection.recv(5) == b"HTTP/"
        except ConnectionResetError:  # it speaks TLS
            return False
