"""All that is measured of storage: the audit of a bucket policy, and reading from a web server."""

import datetime
import json

import environment
import reading
from harness import Unavailable, run_within, say
from report import MET, table

#: Of a bucket policy of 20 KiB, the largest that S3 takes.
GOAL_MILLISECONDS = 50
MOST_SECONDS = 300


def measure(build, quick):
    program = build / "bin" / "bench_storage"
    if not program.exists():
        raise Unavailable("bench_storage was not built")
    say("storage")
    output = run_within(MOST_SECONDS, [program, *(["3"] if quick else [])])
    return [json.loads(line) for line in output.splitlines()]


def render(found):
    rows = [
        [f"{line['policy_bytes'] / 1024:.1f} KiB", f"{line['readers']}", f"{line['requests']:,}", f"{line['milliseconds']:.1f}"]
        for line in found
    ]
    largest = max(found, key=lambda line: line["policy_bytes"])
    goal = [
        "audit of a bucket policy of 20 KiB",
        f"< {GOAL_MILLISECONDS} ms",
        f"{largest['milliseconds']:.0f} ms ({largest['policy_bytes'] / 1024:.1f} KiB)",
        MET[largest["milliseconds"] < GOAL_MILLISECONDS],
    ]
    header = ["bucket policy", "readers", "requests examined", "milliseconds, median"]
    return table(header, rows) + "\n\n" + table(["", "goal", "measured", ""], [goal])


def audit(build, quick):
    try:
        return "## Audit\n\n" + render(measure(build, quick))
    except Unavailable as reason:
        return f"## Audit\n\nnot available: {reason}"


def report(build, folder, python, binding, sealed, quick):
    """The part of RESULTS.md."""
    parts = [audit(build, quick), reading.report(folder, python, binding, sealed, quick)]
    facts = [f"* {name}: {value}" for name, value in environment.machine().items()]
    facts.append(f"* {datetime.date.today().isoformat()}")
    return "# Storage\n\nWritten by `./dev bench`.\n\n" + "\n".join(facts) + "\n\n" + "\n\n".join(parts) + "\n"
