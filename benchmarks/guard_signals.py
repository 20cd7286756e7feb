"""usage: guard_signals.py PROGRAM [--seeds FIRST LAST] [--limits JSON]

What the signals of the guard find in simulated traffic, and how often they are wrong: runs bench_guard_signals for each
seed and prints tables. The default thresholds were chosen on seeds 1 to 5 and are reported on seeds 101 to 104.
"""

import argparse
import collections
import json
import math
import os
import statistics
import subprocess
from concurrent.futures import ThreadPoolExecutor

LIMITS = '{"limits": [{"budget": "queries", "limit": 500, "window": 3600}], "signals": {}}'
REPORTED_SEEDS = (101, 104)

CLIENT_SIGNALS = ["distinct_prompts", "duplicate_prompts", "client_surge", "logprobs_use", "logit_bias_use"]
TOTAL_SIGNALS = ["total_requests", "total_new_clients", "total_distinct_prompts"]
ORDINARY = ["person", "application", "batch", "logprobs"]


def simulate(program, seeds, limits=LIMITS):
    """One dict for each seed and scenario."""

    def run(seed):
        return subprocess.run([program, limits, str(seed)], check=True, capture_output=True, text=True).stdout

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [json.loads(line) for output in pool.map(run, seeds) for line in output.splitlines()]


def wilson(hits, runs):
    """The 95 % interval of a share (E. B. Wilson, JASA 22, 1927)."""
    z = 1.96
    center, width = hits + z * z / 2, z * math.sqrt(hits * (runs - hits) / runs + z * z / 4)
    return (center - width) / (runs + z * z), (center + width) / (runs + z * z)


def poisson(count):
    """The 95 % interval of a mean of which `count` was seen: Byar's approximation of the exact one; N. E. Breslow and
    N. E. Day, Statistical Methods in Cancer Research II, 1987. Of none it is 0 to 3.7."""
    z = 1.96
    lower = count * (1 - 1 / (9 * count) - z / (3 * math.sqrt(count))) ** 3 if count else 0
    above = count + 1
    return lower, above * (1 - 1 / (9 * above) + z / (3 * math.sqrt(above))) ** 3


def duration(hours):
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.1f} d"


def detection_table(runs):
    """For each attack, how many runs raise any event, after how long, and which events those are."""
    lines = [
        "| attack | requests of all | detected (95 % interval) | median time | events |",
        "|---|---|---|---|---|",
    ]
    scenarios = dict.fromkeys(run["scenario"] for run in runs)
    for scenario in list(scenarios)[1:]:
        these = [run for run in runs if run["scenario"] == scenario]
        share = sum(run["attack_requests"] for run in these) / sum(run["requests"] for run in these)
        times = [min(run["detected_after"].values()) for run in these if run["detected_after"]]
        low, high = wilson(len(times), len(these))
        found = collections.Counter(kind for run in these for kind in run["detected_after"])
        names = ", ".join(f"`{kind}` {count}" for kind, count in found.most_common())
        lines.append(
            f"| {scenario} | {100 * share:.2g} % | {len(times)} of {len(these)} ({100 * low:.0f} to {100 * high:.0f} %) "
            f"| {duration(statistics.median(times)) if times else ''} | {names or 'none'} |"
        )
    return lines


def alarm_table(runs):
    """False alarms for each signal and kind of client; of totals, for days on which nobody attacks."""
    days, alarms = collections.Counter(), collections.Counter()
    for run in runs:
        days.update(run["days"])
        alarms.update(run["alarms"])

    def rate(signal, kind):
        count, per = alarms[f"{signal} {kind}"], days[kind] / 1000
        low, high = poisson(count)
        return f"{count / per:.2g} ({low / per:.2g} to {high / per:.2g})"

    lines = ["| signal | " + " | ".join(ORDINARY) + " | service |", "|---" * (len(ORDINARY) + 2) + "|"]
    lines.append("| *days simulated* | " + " | ".join(f"{days[kind]:,.0f}" for kind in [*ORDINARY, "service"]) + " |")
    for signal in CLIENT_SIGNALS:
        lines.append(f"| `{signal}` | " + " | ".join(rate(signal, kind) for kind in ORDINARY) + " | |")
    for signal in TOTAL_SIGNALS:
        lines.append(f"| `{signal}` |" + " |" * len(ORDINARY) + f" {rate(signal, 'service')} |")
    return lines


def tables(program, first=REPORTED_SEEDS[0], last=REPORTED_SEEDS[1], limits=LIMITS):
    """Both tables as text: what ./dev bench prints of the signals."""
    runs = simulate(program, range(first, last + 1), limits)
    return "\n".join(
        [
            f"Seeds {first} to {last}, {sum(run['requests'] for run in runs):,} requests.",
            "",
            *detection_table(runs),
            "",
            "False alarms in 1000 days of a client, or of the service (95 % interval):",
            "",
            *alarm_table(runs),
        ]
    )


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("program")
    parser.add_argument("--seeds", nargs=2, type=int, default=REPORTED_SEEDS)
    parser.add_argument("--limits", default=LIMITS)
    options = parser.parse_args()
    print(tables(options.program, *options.seeds, options.limits))


if __name__ == "__main__":
    main()
