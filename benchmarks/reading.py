"""A cold load of a sealed model from servers on the loopback, beside curl with as many ranges at once."""

import json
import shutil

import environment
import web_servers
from harness import HERE, Contestant, Unavailable, interleave, say
from report import MET, mib, ratio, table

ROUNDS = 7
OURS, CURL = "weightseal, load_file", "curl, 8 ranges into memory"
#: How each is started, and the least that a load divided by curl should be.
SERVERS = {"nginx": (web_servers.nginx, 0.75), "radosgw": (web_servers.object_store, 0.9)}
MOST_MEMORY = 128 << 20


def measure(server, folder, python, binding, sealed, quick):
    """(Rounds, bytes of peak memory)"""
    if not shutil.which("curl"):
        raise Unavailable("curl is not installed")
    if missing := environment.install(python, ["numpy"]):
        raise Unavailable(missing["numpy"])
    say(f"reading from {server}")
    with SERVERS[server][0](folder / f"reading-{server}", python, sealed) as variables:
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


def section(server, folder, python, binding, sealed, quick):
    try:
        rounds, peak = measure(server, folder, python, binding, sealed, quick)
    except Unavailable as reason:
        return f"### {server}\n\nnot available: {reason}"
    size = sealed.stat().st_size
    rows = [[name, f"{size / rounds.median(name) / 1e9:.2f}", ratio(rounds.ratios(name, CURL))] for name in (OURS, CURL)]
    ratios = sorted(rounds.ratios(OURS, CURL))
    middle, least = ratios[len(ratios) // 2], SERVERS[server][1]
    goals = [
        ["cold load ÷ curl", f"≥ {least}", f"{middle:.2f}", MET[middle >= least]],
        ["peak memory above the tensors", f"≤ {mib(MOST_MEMORY)}", mib(peak - size), MET[peak - size <= MOST_MEMORY]],
    ]
    return f"### {server}\n\n" + table(["", "GB/s", "÷ curl"], rows) + "\n\n" + table(["", "goal", "measured", ""], goals)


def report(folder, python, binding, sealed, quick):
    """A section of RESULTS.md."""
    said = (
        f"A sealed model of {mib(sealed.stat().st_size)} over TLS on the loopback; server and client share the processors. "
        "nginx sends a file; radosgw an object, of a cluster in memory."
    )
    return "\n\n".join(
        ["## Reading", said, *(section(server, folder, python, binding, sealed, quick) for server in SERVERS)]
    )
