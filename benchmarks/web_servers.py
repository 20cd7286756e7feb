"""Servers on the loopback that hold one sealed model, with TLS. Each gives the variables by which contestants find it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time

import environment
from harness import HERE, Unavailable

sys.path.append(str(HERE.parent / "tests" / "storage"))
# As the tests start them.
import daemons  # noqa: E402
import radosgw  # noqa: E402

BUCKET = "weights"

CONFIGURATION = """\
{user}pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_processes 2;
events {{}}
http {{
    access_log off;
    sendfile on;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        root {root};
    }}
}}
"""


def variables(url, file, authority):
    return {
        "READING_URL": url,
        "READING_SIZE": str(file.stat().st_size),
        "SSL_CERT_FILE": str(authority),
        "no_proxy": "localhost",
    }


@contextlib.contextmanager
def nginx(folder, python, file):
    """A static file."""
    if missing := [program for program in ("nginx", "openssl") if not shutil.which(program)]:
        raise Unavailable(f"{', '.join(missing)}: not installed")
    folder.mkdir()
    certificate, key = daemons.make_certificate(folder)
    port = daemons.free_port()
    user = "user root;\n" if os.geteuid() == 0 else ""  # its workers must be able to read the file
    configuration = folder / "nginx.conf"
    values = {"folder": folder, "port": port, "root": file.parent, "certificate": certificate, "key": key}
    configuration.write_text(CONFIGURATION.format(user=user, **values))
    server = subprocess.Popen(["nginx", "-c", configuration, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            if server.poll() is not None:
                raise Unavailable("nginx does not start")
            time.sleep(0.05)
        yield variables(f"https://localhost:{port}/{file.name}", file, certificate)
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def object_store(folder, python, file):
    """radosgw, over a cluster in memory, with an object that everybody may read: curl need not sign."""
    if missing := environment.install(python, ["boto3"]):
        raise Unavailable(missing["boto3"])
    folder.mkdir()
    try:
        with radosgw.running(folder, memory=4 * file.stat().st_size) as server:
            owner = server.user("owner")
            upload = [python, HERE / "peers" / "upload.py", server.endpoint, BUCKET, file]
            keys = {"AWS_ACCESS_KEY_ID": owner.access_key, "AWS_SECRET_ACCESS_KEY": owner.secret_key}
            done = subprocess.run(upload, env={**os.environ, **keys}, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Unavailable(f"radosgw: {done.stderr}")
            yield variables(f"{server.tls_endpoint}/{BUCKET}/{file.name}", file, server.authority)
    except radosgw.Unavailable as reason:
        raise Unavailable(f"radosgw: {reason}") from reason
