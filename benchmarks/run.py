#!/usr/bin/env python3
"""Measures weightseal beside its peers in one run; prints the tables and writes RESULTS.md.

    python3 benchmarks/run.py --build build/release [--only container|watermark|guard|storage] [--quick] [--keep]
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import environment
import guard_report
import model
import report
import storage_report
import watermark
import watermark_report
from harness import (
    HERE,
    Contestant,
    Unavailable,
    disk_reads,
    forget,
    interleave,
    last_line,
    run_once,
    say,
    stolen_share,
)

#: Of RESULTS.md, in its order. Each but the first begins with its name as a title.
PARTS = ["container", "watermark", "guard", "storage"]
SUITES = ["AES-256-GCM", "ChaCha20-Poly1305"]
MODES = ["all cores", "one core"]

# key, name in the tables, what it must have installed
PLAIN = [
    ("safetensors_pread", 'safetensors, backend "pread"', "safetensors"),
    ("safetensors_clone", "safetensors, mmap and clone", "safetensors"),
    ("torch_load", "torch.load", "torch"),
]
ENCRYPTING = [
    ("tensorizer_encrypted", "tensorizer, encrypted", "tensorizer"),
    ("cryptotensors_load", "cryptotensors", "cryptotensors"),
    ("age", "age, to /dev/null", "age"),
    ("openssl_enc", "openssl enc -aes-256-ctr, to /dev/null", "openssl"),
]
FERNET = [("fernet", "Fernet over torch.save", "cryptography")]
FERNET_MEMORY = 7  # times the model: what decrypting it needs in all


class Bench:
    def __init__(self, options):
        self.build = options.build.resolve()
        self.quick = options.quick
        self.folder = self.build.parent / "bench"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.program = self.build / "bin" / "bench_container"
        if not self.program.exists():
            sys.exit(f"{self.program} is missing: configure with -DWEIGHTSEAL_BUILD_BENCHMARKS=ON and build")
        packages = [] if options.only in ("guard", "storage") else environment.PEERS
        self.python, self.missing = environment.prepare(self.build.parent / "bench-venv", packages, options.python)
        self.binding = {
            "PYTHONPATH": str(HERE.parent / "bindings" / "python" / "src"),
            "WEIGHTSEAL_LIBRARY": str(self.build / "lib" / "libweightseal.so"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.key = self.folder / "seal.key"
        self.model = self.folder / "model.safetensors"
        self.sealed = {suite: self.folder / f"model-{i}.wseal" for i, suite in enumerate(SUITES, 1)}
        self.results = {"absent": {}, "versions": {}, "rounds": {}, "disk_reads": 0}

    def ours(self, job, file, *arguments, environment=None):
        """The measuring program as a contestant."""
        return Contestant([self.program, "serve", job, file, *arguments], file, environment)

    def peer(self, script, file=None):
        """A peer as a contestant; without `file`, what it reads is what it prepared, or the model."""
        prepared = [path for path in self.folder.glob(f"{script}.*") if path.suffix != ".key"]
        command = [self.python, HERE / "peers" / f"{script}.py", "serve", self.folder]
        return Contestant(command, file or (prepared + [self.model])[0], self.binding, has_versions=True)

    def warm(self, worker):
        subprocess.run([self.program, "warm", worker.file], check=True)

    def make_inputs(self):
        say("model")
        shapes = model.llama_shapes(640 if self.quick else 2048, 22)
        size = model.write_safetensors(self.model, shapes)
        self.results["model"] = {"bytes": size, "tensors": len(shapes)}
        subprocess.run([self.program, "keygen", self.key], check=True)
        for suite, path in self.sealed.items():
            subprocess.run([self.program, "seal", self.model, path, self.key, suite], check=True, capture_output=True)
        os.sync()

    def prepare_peers(self, peers):
        """Writes the peers' files; those that cannot be used are named with the reason."""
        usable = []
        for script, name, needs in peers:
            say(f"prepare {name}")
            reason = self.missing.get(needs) or self.missing.get("torch" if script not in ("age", "openssl_enc") else "")
            if needs in ("age", "openssl") and not shutil.which(needs):
                reason = f"{needs} is not installed"
            if not reason:
                command = [self.python, HERE / "peers" / f"{script}.py", "prepare", self.folder]
                done = subprocess.run(command, capture_output=True, text=True)
                reason = last_line(done.stderr) if done.returncode else None
            if reason:
                self.results["absent"][name] = reason
            else:
                usable.append((script, name))
        os.sync()
        return usable

    def start(self, contestants, one_core):
        workers = {}
        for name, contestant in contestants.items():
            if name in self.results["absent"]:
                continue
            try:
                worker = contestant.start(one_core)
                if contestant.has_versions:
                    self.results["versions"][name] = json.loads(worker.ask("about"))
                workers[name] = worker
            except Unavailable as reason:
                self.results["absent"].setdefault(name, str(reason))
        return workers

    def check(self, workers):
        """All contestants give what the first gives, or do not take part. This also warms the page cache."""
        expected = next(iter(workers.values())).ask("check")
        for name in list(workers):
            try:
                if workers[name].ask("check") not in (expected, "identical"):
                    raise Unavailable("what it loads differs from the model")
            except Unavailable as reason:
                self.results["absent"][name] = str(reason)
                workers.pop(name).close()

    def group(self, title, contestants, rounds, checked=True):
        for mode in MODES:
            say(f"{title}, {mode}")
            workers = self.start(contestants, mode == "one core")
            if checked and mode == "all cores":
                self.check(workers)
            before = disk_reads()
            self.results["rounds"][title, mode], failed = interleave(workers, rounds, self.warm)
            self.results["absent"].update(failed)
            self.results["disk_reads"] += disk_reads() - before
            for worker in workers.values():
                worker.close()

    def measure_load(self):
        contestants = {"plain pread": self.ours("pread", self.model)}
        for suite, path in self.sealed.items():
            contestants[f"weightseal, {suite}"] = self.ours("load", path, self.key)
        kernels = subprocess.run([self.program, "kernels"], check=True, capture_output=True, text=True).stdout
        self.results["kernels"] = json.loads(kernels)
        gcm = self.sealed[SUITES[0]]
        if self.results["kernels"][SUITES[0]] != "libcrypto":
            forced = {"WEIGHTSEAL_FORCE_KERNEL": "libcrypto"}
            name = f"weightseal, {SUITES[0]} of libcrypto"
            contestants[name] = self.ours("load", gcm, self.key, environment=forced)
        contestants["weightseal, the engine reads"] = self.ours("engine", gcm, self.key)
        self.group("load", contestants, 9)

    def measure_parts(self):
        gcm = self.sealed[SUITES[0]]
        parts = {
            "reading": self.ours("part-read", gcm),
            "memory": self.ours("part-memory", gcm),
            "decrypting": self.ours("part-decrypt", gcm, SUITES[0]),
        }
        self.group("parts", parts, 7, checked=False)

    def measure_peers(self, title, peers):
        usable = self.prepare_peers(peers)
        contestants = {
            "plain pread": self.ours("pread", self.model),
            "weightseal": self.ours("load", self.sealed[SUITES[0]], self.key),
        }
        if "torch" not in self.missing:
            contestants["weightseal, Python"] = self.peer("weightseal_load", self.sealed[SUITES[0]])
        for script, name in usable:
            contestants[name] = self.peer(script)
        self.group(title, contestants, 7)
        for script, _, _ in peers:
            for path in self.folder.glob(f"{script}.*"):
                path.unlink()
        os.sync()

    def measure_fernet(self):
        available = int(environment.first_match("/proc/meminfo", "MemAvailable").split()[0]) * 1024
        needed = FERNET_MEMORY * self.results["model"]["bytes"]
        if available < needed:
            reason = f"needs {needed / 2**30:.0f} GiB of free memory for this model"
            self.results["absent"][FERNET[0][1]] = reason
        else:
            self.measure_peers("fernet", FERNET)

    def measure_disk(self):
        say("seal, unseal and cp")
        copy, sealed, plain = (self.folder / name for name in ("copy.out", "seal.out", "unseal.out"))
        outputs = [copy, sealed, plain]

        class Copy:
            file = self.model

            def run(_):
                begin = time.perf_counter()
                subprocess.run(["cp", "--reflink=never", self.model, copy], check=True)
                with open(copy, "rb+") as file:
                    os.fsync(file.fileno())
                return time.perf_counter() - begin

        gcm = self.sealed[SUITES[0]]
        workers = {
            "cp and fsync": Copy(),
            "seal": self.ours("seal", self.model, sealed, self.key, SUITES[0]).start(),
            "unseal": self.ours("unseal", gcm, self.key, plain).start(),
        }

        def prepare(worker):
            for path in outputs:
                forget(path)
            self.warm(worker)

        self.results["rounds"]["disk", "all cores"], failed = interleave(workers, 5, prepare)
        if failed:
            raise RuntimeError(f"failed: {failed}")
        for path in outputs:
            forget(path)
        for worker in list(workers.values())[1:]:
            worker.close()
        self.group(
            "verify",
            {"plain pread": self.ours("pread", self.model), "verify": self.ours("verify", gcm, self.key)},
            5,
            checked=False,
        )

    def measure_memory(self):
        say("memory")
        big, sealed, plain = (self.folder / name for name in ("big.safetensors", "big.wseal", "big.out"))
        size = model.write_safetensors(big, model.llama_shapes(640 if self.quick else 2048, 46))
        jobs = {
            "seal": ["seal", big, sealed, self.key, SUITES[0]],
            "verify": ["verify", sealed, self.key],
            "load": ["load", sealed, self.key],
            "unseal": ["unseal", sealed, self.key, plain],
        }
        self.results["memory"] = {name: run_once([self.program, *job]) for name, job in jobs.items()}
        self.results["memory_model"] = size
        for path in (big, sealed, plain):
            forget(path)

    def measure_slices(self):
        self.results["slices"] = run_once([self.program, "slices", self.sealed[SUITES[0]], self.key])

    def measure_open(self):
        count = 10_000 if self.quick else 100_000
        many, sealed = self.folder / "many.safetensors", self.folder / "many.wseal"
        model.write_safetensors(many, model.many_shapes(count))
        command = [self.program, "seal", many, sealed, self.key, SUITES[0]]
        subprocess.run(command, check=True, capture_output=True)
        contestants = {"weightseal": self.ours("open", sealed, self.key)}
        if "safetensors" not in self.missing:
            contestants["safetensors"] = self.peer("safetensors_open", many)
        contestants["weightseal, Python"] = self.peer("weightseal_open", sealed)
        self.group("open", contestants, 7)
        self.results["open_count"] = count

    def measure_profile(self):
        if not shutil.which("perf"):
            self.results["profile"] = "not available: perf is not installed"
            return
        data = self.folder / "perf.data"
        load = [self.program, "load", self.sealed[SUITES[0]], self.key]
        recorded = subprocess.run(["perf", "record", "-q", "-F", "1999", "-o", data, *load], capture_output=True, text=True)
        if recorded.returncode:
            self.results["profile"] = "not available: " + last_line(recorded.stderr)
            return
        printed = ""
        for what in (["--sort", "dso"], ["--sort", "symbol", "--dsos", "[kernel.kallsyms]"]):
            command = ["perf", "report", "-q", "-i", data, "--stdio", "--percent-limit", "1", *what]
            printed += subprocess.run(command, capture_output=True, text=True, check=True).stdout
        lines = (line.strip(" -") for line in printed.splitlines())
        self.results["profile"] = "```\n" + "\n".join(line for line in lines if line) + "\n```"

    def measure(self):
        begin, ticks = time.time(), stolen_share()
        self.make_inputs()
        self.measure_load()
        self.measure_parts()
        self.measure_slices()
        self.measure_open()
        self.measure_peers("plain loaders", PLAIN)
        self.measure_peers("encrypting loaders", ENCRYPTING)
        self.measure_fernet()
        self.measure_disk()
        self.measure_profile()
        self.measure_memory()
        self.results["minutes"] = (time.time() - begin) / 60
        self.results["stolen"] = stolen_share(ticks)
        return self.results


def measure_part(name, bench):
    """A part of RESULTS.md."""
    if name == "container":
        return report.render(environment.machine(), bench.measure())
    if name == "watermark":
        results = watermark.measure(bench.build, bench.folder, bench.python, bench.binding, bench.missing, bench.warm,
                                    bench.quick)
        return watermark_report.render(environment.machine(), results)
    if name == "guard":
        return guard_report.report(bench.build, bench.folder, bench.python, bench.binding, bench.quick)
    sealed = bench.sealed[SUITES[0]]
    if not sealed.exists():
        bench.make_inputs()
    return storage_report.report(bench.build, bench.folder, bench.python, bench.binding, sealed, bench.quick)


def write_part(name, text):
    """Replaces a part of RESULTS.md, and keeps the others."""
    path = HERE / "RESULTS.md"
    titles = "|".join(part.capitalize() for part in PARTS[1:])
    first, *others = re.split(rf"\n(?=# (?:{titles})\n)", path.read_text())
    parts = {PARTS[0]: first, **{part.split("\n")[0].removeprefix("# ").lower(): part for part in others}, name: text}
    path.write_text("\n".join(parts[part] for part in PARTS if part in parts))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=HERE.parent / "build" / "release", help="the build folder")
    parser.add_argument("--only", choices=PARTS, help="measure one part alone, and keep the others")
    parser.add_argument("--quick", action="store_true", help="a 256 MiB model; prints, and writes no RESULTS.md")
    parser.add_argument("--python", help="the Python to build the peers' environment on; default Debian's")
    parser.add_argument("--keep", action="store_true", help="keep the generated files")
    options = parser.parse_args()
    bench = Bench(options)
    try:
        for name in PARTS if options.only is None else [options.only]:
            text = measure_part(name, bench)
            print(text, flush=True)
            if not options.quick:
                write_part(name, text)
    finally:
        if not options.keep:
            shutil.rmtree(bench.folder)


if __name__ == "__main__":
    main()
