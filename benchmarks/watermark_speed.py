"""Speed and memory of marking and detection: the kernels, the usual recipe in numpy, marking beside cp, peaks of memory."""

import json
import os
import subprocess
import time

import model
from harness import HERE, Contestant, forget, interleave, processors, run_once, say

ROWS = ["384", "4096"]  # lengths of rows: of a small encoder, of a large model
MARK_ROUNDS = 5
ARTICLE_ROUNDS = 3


class Command:
    """A program that runs once a round."""

    def __init__(self, command, file, one_core=False):
        self.command, self.file = [str(part) for part in command], file
        self.cpus = processors(one_core)

    def run(self):
        begin = time.perf_counter()
        subprocess.run(
            self.command,
            check=True,
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, self.cpus),
        )
        return time.perf_counter() - begin


class Copy:
    """What marking is compared with: as many bytes on the disk."""

    def __init__(self, file, to):
        self.file, self.to = file, to

    def run(self):
        begin = time.perf_counter()
        subprocess.run(["cp", "--reflink=never", self.file, self.to], check=True)
        with open(self.to, "rb+") as file:
            os.fsync(file.fileno())
        return time.perf_counter() - begin


class WatermarkSpeed:
    def __init__(self, build, folder, python, binding, missing, warm, quick):
        self.program, self.kernels_program = build / "bin" / "weightseal", build / "bin" / "bench_watermark"
        self.folder, self.python, self.binding = folder, python, binding
        self.missing, self.warm, self.quick = missing, warm, quick
        self.key = folder / "watermark.key"
        self.results = {}

    def keygen(self):
        self.key.unlink(missing_ok=True)
        subprocess.run([self.program, "keygen", "--kind", "watermark", "-o", self.key], check=True, capture_output=True)

    def mark(self, source, to):
        return [self.program, "mark", source, "-o", to, "--key", f"file:{self.key}", "--owner", "benchmark", "--record",
                to.with_suffix(".json"), "--strength", "0.005", "--force", "--json"]

    def detect(self, marked, *options):
        return [self.program, "detect", marked, "--key", f"file:{self.key}", "--record", marked.with_suffix(".json"),
                *options, "--json"]

    def measure_kernels(self):
        say("watermark: kernels")
        done = subprocess.run([self.kernels_program, *ROWS], check=True, capture_output=True, text=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, processors(True)))
        self.results["kernels"] = [json.loads(line) for line in done.stdout.splitlines()]

    def measure_article(self):
        say("watermark: the usual recipe in numpy")
        source, marked = self.folder / "model.safetensors", self.folder / "small.safetensors"
        size = model.write_safetensors(source, model.llama_shapes(512 if self.quick else 1024, 8, 8000), normal=True)
        subprocess.run(self.mark(source, marked), check=True, capture_output=True)
        marked.replace(source)
        marked.with_suffix(".json").replace(source.with_suffix(".json"))
        recipe, correlating = (
            Contestant([self.python, HERE / "peers" / peer, "serve", self.folder], source, self.binding).start(one_core=True)
            for peer in ("article_verifier.py", "weightseal_correlate.py")
        )
        self.results["article_versions"] = json.loads(recipe.ask("about"))
        workers = {
            "correlate_tensor": correlating,
            "weightseal detect": Command(self.detect(source, "--threads", "1"), source, one_core=True),
            "the recipe": recipe,
        }
        self.results["article"], failed = interleave(workers, ARTICLE_ROUNDS, self.warm)
        recipe.close()
        correlating.close()
        if failed:
            raise RuntimeError(f"failed: {failed}")
        self.results["article_bytes"] = size
        source.unlink()
        source.with_suffix(".json").unlink()

    def measure_mark(self):
        say("watermark: mark and cp")
        source, copy, marked = (self.folder / f"{name}.safetensors" for name in ("source", "copy", "marked"))
        self.results["mark_bytes"] = model.write_safetensors(
            source, model.llama_shapes(640 if self.quick else 2048, 22), normal=True
        )
        outputs = [copy, marked, marked.with_suffix(".json")]
        workers = {"cp and fsync": Copy(source, copy), "mark": Command(self.mark(source, marked), source)}

        def prepare(worker):
            for path in outputs:
                forget(path)
            self.warm(worker)

        self.results["mark"], failed = interleave(workers, MARK_ROUNDS, prepare)
        if failed:
            raise RuntimeError(f"failed: {failed}")
        for path in [source, *outputs]:
            forget(path)

    def measure_memory(self):
        say("watermark: memory")
        source, marked = self.folder / "big.safetensors", self.folder / "big-marked.safetensors"
        shapes = model.llama_shapes(640 if self.quick else 2048, 46)
        self.results["memory_bytes"] = model.write_safetensors(source, shapes, normal=True)
        self.results["largest_bytes"] = sum(sorted(model.size_of([shape]) for shape in shapes)[-2:])
        jobs = {
            "mark": self.mark(source, marked),
            "detect": self.detect(marked),
            "detect with the original, not aligned": self.detect(marked, "--original", source, "--family", "none"),
            "detect with the original, aligned": self.detect(marked, "--original", source, "--family", "rmsnorm"),
        }
        self.results["memory"] = {}
        for name, job in jobs.items():
            found = run_once(job)
            keep = ("peak_resident", "peak_anonymous", "z")
            self.results["memory"][name] = {field: found[field] for field in keep}
        for path in (source, marked, marked.with_suffix(".json")):
            forget(path)

    def measure(self):
        self.keygen()
        self.measure_kernels()
        if not self.missing.keys() & {"torch", "safetensors"}:
            self.measure_article()
        self.measure_mark()
        self.measure_memory()
        return self.results
