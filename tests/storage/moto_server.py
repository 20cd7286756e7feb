"""moto: the shapes of AWS's interfaces, in memory, on loopback. It knows much more of them than radosgw, and enforces
less: signatures and identity policies, once `check_signatures` was called, and no bucket policies."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from daemons import bound, eventually, listening, make_certificate

ADMINISTRATOR = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}


@dataclass(frozen=True)
class Moto:
    tls_endpoint: str
    authority: Path

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """boto3's, of an administrator."""
        session = boto3.session.Session(**ADMINISTRATOR, region_name=region)
        return session.client(service, endpoint_url=self.tls_endpoint, verify=str(self.authority))

    @contextlib.contextmanager
    def checking_signatures(self, after: int = 0) -> Iterator[None]:
        """Within, after so many requests, they need the signature of a user or session that exists, and is allowed
        them."""
        before = self._free_requests(b"%d" % after)
        try:
            yield
        finally:
            self._free_requests(before)

    def _free_requests(self, count: bytes) -> bytes:
        """Sets how many requests are served unchecked, and answers how many it were before."""
        kind = {"content-type": "text/plain"}
        request = urllib.request.Request(f"{self.tls_endpoint}/moto-api/reset-auth", data=count, headers=kind)
        trust = ssl.create_default_context(cafile=self.authority)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
        with opener.open(request) as answer:
            return str(json.load(answer)["PREVIOUS_INITIAL_NO_AUTH_ACTION_COUNT"]).encode()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Moto]:
    certificate, key = make_certificate(folder)
    arguments = ["-H", "127.0.0.1", "-p", "0", "--ssl-cert", str(certificate), "--ssl-key", str(key)]
    command = bound((sys.executable, "-m", "moto.server", *arguments))
    output = folder / "moto.out"
    with output.open("wb") as file, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file) as server:
        try:
            eventually(lambda: listening(server) or server.poll() is not None)
            if server.poll() is not None:
                raise RuntimeError(output.read_text())
            (port,) = listening(server)
            yield Moto(f"https://localhost:{port}", certificate)
        finally:
            server.kill()
