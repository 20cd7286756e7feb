"""Contestants as long-lived processes, and their runs interleaved; programs that may take so long and no longer."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CPUS = sorted(os.sched_getaffinity(0))

# A contestant whose load takes longer than this runs fewer rounds; the table says how many.
SLOW_SECONDS = 6.0
SLOW_ROUNDS = 3


class Unavailable(Exception):
    """A contestant that cannot run here, with the reason."""


def processors(one_core):
    return CPUS[-1:] if one_core else CPUS


class Contestant:
    """How to start a worker, and the file it reads; `has_versions` if it answers `about`."""

    def __init__(self, command, file, environment=None, has_versions=False):
        self.command, self.file = command, file
        self.environment, self.has_versions = environment, has_versions

    def start(self, one_core=False):
        worker = Worker(self.command, self.environment, one_core)
        worker.file = self.file
        return worker


class Worker:
    """A process that answers `run` with the seconds of one load."""

    def __init__(self, command, environment, one_core):
        cpus = processors(one_core)
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, **(environment or {})},
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )
        self._answer()

    def _answer(self):
        line = self.process.stdout.readline().strip()
        if not line:
            self.close()
            self.errors.seek(0)
            raise Unavailable(last_line(self.errors.read()))
        return line

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._answer()

    def run(self):
        return float(self.ask("run"))

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Rounds:
    """Seconds of several contestants, one run of each in every round."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.count = len(next(iter(seconds.values())))

    def median(self, name):
        return statistics.median(self.seconds[name])

    def ratios(self, name, base):
        """Speed of `name` divided by that of `base`, round by round."""
        return [b / a for a, b in zip(self.seconds[name], self.seconds[base])]


def interleave(workers, rounds, before):
    """`rounds` times one run of each, every round in another order (A B C, B C A, …); `before(worker)` is not timed.
    Returns the rounds, and {name: reason} of those that failed and so have no figures."""
    seconds = {name: [] for name in workers}
    failed = {}
    names = list(workers)
    done = 0
    while done < rounds:
        for name in [name for name in names if name not in failed]:
            try:
                before(workers[name])
                seconds[name].append(workers[name].run())
            except Unavailable as reason:
                failed[name] = str(reason)
                del seconds[name]
                continue
            if seconds[name][-1] > SLOW_SECONDS:
                rounds = min(rounds, SLOW_ROUNDS)
        names = names[1:] + names[:1]
        done += 1
    return Rounds(seconds), failed


def run_within(seconds, command):
    """What a program prints. One that does not end in time is killed, with all that it started, and so not available."""
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"did not end within {seconds} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):  # nothing is left of it
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return output


def run_once(command):
    """A program's own JSON report, with the peaks of its anonymous and of its resident memory, as sampled every 2 ms. The
    second is the kernel's own maximum, so that only a rise in the last 2 ms can be missed."""
    with tempfile.TemporaryFile("w+") as file:  # a pipe that nobody reads meanwhile would fill up
        process = subprocess.Popen([str(part) for part in command], stdout=file, text=True)
        anonymous = resident = 0
        while process.poll() is None:
            anonymous = max(anonymous, status_bytes(process.pid, "RssAnon"))
            resident = max(resident, status_bytes(process.pid, "VmHWM"))
            time.sleep(0.002)
        file.seek(0)
        output = file.read()
    if process.returncode:
        raise RuntimeError(f"{command[1]} failed")
    return {"peak_resident": resident, **json.loads(output), "peak_anonymous": anonymous}


def status_bytes(pid, field):
    """A field of the kernel's status of a process; 0 once it has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def forget(path):
    """Removes a file and waits for the disk, so that the next measurement does not pay for this one's writes."""
    Path(path).unlink(missing_ok=True)
    os.sync()


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "ended without a word"


def stolen_share(since=None):
    """Ticks (stolen by the hypervisor, all) since the start of the machine, or the share stolen `since` then."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    now = (ticks[7], sum(ticks))
    return now if since is None else (now[0] - since[0]) / max(1, now[1] - since[1])


def disk_reads():
    """Bytes read from disks since the machine started."""
    for line in Path("/proc/vmstat").read_text().splitlines():
        if line.startswith("pgpgin "):
            return int(line.split()[1]) * 1024
    return 0


def say(text):
    print(text, file=sys.stderr, flush=True)
