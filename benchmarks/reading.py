"""A cold load of a sealed model from nginx on the loopback, beside curl with as many ranges at once."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time

import environment
from harness import HERE, Contestant, Unavailable, interleave, say
from report import MET, mib, ratio, table

ROUNDS = 7
OURS, CURL = "weightseal, load_file", "curl, 8 ranges into memory"

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
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/certificate.key;
        root {root};
    }}
}}
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def make_certificate(folder):
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
               "-keyout", folder / "certificate.key", "-out", folder / "certificate.pem"]
    subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def serving(folder, file):
    """nginx with a certificate of its own; yields the variables by which contestants find the file."""
    folder.mkdir()
    make_certificate(folder)
    port = free_port()
    user = "user root;\n" if os.geteuid() == 0 else ""  # its workers must be able to read the file
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(user=user, folder=folder, port=port, root=file.parent))
    nginx = subprocess.Popen(["nginx", "-c", configuration, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            if nginx.poll() is not None:
                raise Unavailable("nginx does not start")
            time.sleep(0.05)
        yield {
            "READING_URL": f"https://localhost:{port}/{file.name}",
            "READING_SIZE": str(file.stat().st_size),
            "SSL_CERT_FILE": str(folder / "certificate.pem"),
            "no_proxy": "localhost",
        }
    finally:
        nginx.terminate()
        nginx.wait()


def measure(folder, python, binding, sealed, quick):
    """(Rounds, bytes of peak memory)"""
    for program in ("nginx", "curl", "openssl"):
        if not shutil.which(program):
            raise Unavailable(f"{program} is not installed")
    missing = environment.install(python, ["numpy"])
    if missing:
        raise Unavailable(missing["numpy"])
    say("reading from nginx")
    with serving(folder / "reading", sealed) as variables:
        workers = {}
        try:
            for name, script in ((OURS, "weightseal_read"), (CURL, "curl_ranges")):
                command = [python, HERE / "peers" / f"{script}.py", "serve", folder]
                workers[name] = Contestant(command, sealed, {**binding, **variables}).start()
            rounds, failed = interleave(workers, 2 if quick else ROUNDS, lambda worker: None)
            if failed:
                raise Unavailable("; ".join(failed.values()))
            return rounds, json.loads(workers[OURS].ask("about"))["peak"]
        finally:
            for worker in workers.values():
                worker.close()


def report(folder, python, binding, sealed, quick):
    """A section of RESULTS.md."""
    try:
        rounds, peak = measure(folder, python, binding, sealed, quick)
    except Unavailable as reason:
        return f"## Reading\n\nnot available: {reason}"
    size = sealed.stat().st_size
    ratios = rounds.ratios(OURS, CURL)
    rows = [[name, f"{size / rounds.median(name) / 1e9:.2f}", ratio(rounds.ratios(name, CURL))] for name in (OURS, CURL)]
    middle = sorted(ratios)[len(ratios) // 2]
    goals = [
        ["cold load ÷ curl", "≥ 0.75", f"{middle:.2f}", MET[middle >= 0.75]],
        ["peak memory above the tensors", "≤ 128 MiB", mib(peak - size), MET[peak - size <= 128 << 20]],
    ]
    return (
        f"## Reading\n\nA sealed model of {mib(size)} from nginx over TLS on the loopback; server and client share the processors.\n\n"
        + table(["", "GB/s", "÷ curl"], rows) + "\n\n" + table(["", "goal", "measured", ""], goals)
    )
