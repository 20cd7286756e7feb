"""What attacks on the real MiniLM leave of a mark of 0.5 %, as the program itself detects it, blind and with the original;
and what the mark does to embeddings. Prints one JSON object.

    python3 benchmarks/watermark_attacks.py --program build/release/bin/weightseal --model build/models/minilm --folder SCRATCH

Needs numpy, torch and tokenizers. The attacks are those of tests/attacks/watermark.
"""

import argparse
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import torch

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS / "attacks" / "watermark"), str(TESTS)]

import attacks  # noqa: E402
import bert  # noqa: E402
import corpus  # noqa: E402

from harness import say  # noqa: E402

STRENGTH = "0.005"
FINE_TUNING = {"steps": 300, "rate": 5e-5, "batch": 8}
SIBLING = {"steps": 100, "rate": 5e-5, "batch": 8}  # what somebody else makes of the same original
QUICK = 8  # steps


class Program:
    """The program, and the keys and records it made."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def run(self, *arguments, allowed=(0,)):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode not in allowed:
            raise RuntimeError(f"{arguments[0]}: {done.stderr or done.stdout}")
        return done.stdout

    def mark(self, model, name):
        """Marks a file under a key and a record of this name."""
        key, record = self.folder / f"{name}.key", self.folder / f"{name}.json"
        self.run("keygen", "--kind", "watermark", "-o", key)
        marked = self.folder / f"{name}.safetensors"
        return marked, json.loads(
            self.run("mark", model, "-o", marked, "--key", f"file:{key}", "--owner", "acme", "--record", record, "--strength",
                     STRENGTH, "--json")
        )

    def detect(self, suspect, name, *options):
        key, record = self.folder / f"{name}.key", self.folder / f"{name}.json"
        command = ["detect", suspect, "--key", f"file:{key}", "--record", record, *options, "--json"]
        return json.loads(self.run(*command, allowed=(0, 1)))


def single_attacks(original, sibling):
    """What is done once, by name, in the order of the table."""
    on = attacks.on_matrices
    return {
        "int8, a step for each row": on(attacks.int8),
        "int4, groups of 128": on(attacks.int4),
        "NF4, blocks of 64": on(attacks.nf4),
        "FP8 (E4M3)": on(attacks.fp8),
        "ternary": on(attacks.ternary),
        "signs alone": on(attacks.signs),
        "cast to F16": attacks.to(torch.float16),
        "cast to BF16": attacks.to(torch.bfloat16),
        "magnitude pruning, 50 %": attacks.magnitude_pruning(0.5),
        "magnitude pruning, 70 %": attacks.magnitude_pruning(0.7),
        "magnitude pruning, 90 %": attacks.magnitude_pruning(0.9),
        "random pruning, 50 %": attacks.random_pruning(0.5),
        "random pruning, 90 %": attacks.random_pruning(0.9),
        "2:4 pruning": on(attacks.two_of_four),
        "noise, 10 % of each row": attacks.noise(0.1),
        "noise, 50 % of each row": attacks.noise(0.5),
        "noise, 100 % of each row": attacks.noise(1.0),
        "LoRA merged, rank 16, 10 % of the norm": attacks.low_rank(16, 0.1),
        "columns scaled, deviation 0.3": attacks.scaled_columns(0.3),
        "half merged with a fine-tuned sibling": attacks.merged(sibling, 0.5),
        "half merged with the unmarked original": attacks.merged(original, 0.5),
        "a quarter merged with the unmarked original": attacks.merged(original, 0.25),
        "a tenth merged with the unmarked original": attacks.merged(original, 0.1),
        "the first 70 % of all rows": attacks.first_rows(0.7),
        "other leading names": attacks.renamed(lambda name, i: f"base_model.model.{name}"),
        "names without meaning": attacks.renamed(lambda name, i: f"t{(i * 37) % 1009}"),
        "replaced by the unmarked original": lambda tensors: original,
        "trained anew (random weights)": trained_anew(),
    }


def trained_anew():
    generator = torch.Generator().manual_seed(9)
    return attacks.on_matrices(lambda w: torch.randn(w.shape, generator=generator) * w.std())


class Bench:
    def __init__(self, program, model, folder, steps):
        self.program, self.model, self.folder, self.steps = Program(program, folder), model, folder, steps
        self.file = model / "model.safetensors"
        self.rows = []

    def row(self, name, tensors):
        """One line of the table: what is detected, blind and with the original."""
        suspect = tensors if isinstance(tensors, Path) else attacks.save(self.folder / "suspect.safetensors", tensors)
        begin = time.perf_counter()
        blind = self.program.detect(suspect, "marked")
        informed = self.program.detect(suspect, "marked", "--original", self.file, "--family", "post-layernorm")
        say(f"{name}: z {blind['z']:.2f} blind, {informed['z']:.2f} informed, {time.perf_counter() - begin:.1f} s")
        self.rows.append({
            "attack": name,
            "t": {statistic: found["t"] for statistic, found in informed["statistics"].items()},
            "blind": {field: blind[field] for field in ("z", "log10_p", "verdict")},
            "informed": {field: informed[field] for field in ("z", "log10_p", "verdict")},
        })

    def embeddings(self, texts, before, tensors):
        return bert.worst_cosine(before, bert.embeddings(tensors, texts, corpus.sentences()))

    def measure_quality(self, original, marked):
        texts = bert.Texts(self.model)
        before = bert.embeddings(original, texts, corpus.sentences())
        file = attacks.save(self.folder / "bf16.safetensors", attacks.to(torch.bfloat16)(original))
        marked_bf16, report = self.program.mark(file, "marked-bf16")
        variants = {
            "marked, F32": marked,
            "cast to BF16": attacks.load(file),
            "marked, BF16": attacks.load(marked_bf16),
            "int8, a step for each row": attacks.on_matrices(attacks.int8)(original),
        }
        cosines = {name: self.embeddings(texts, before, tensors) for name, tensors in variants.items()}
        return {"cosines": cosines, "bf16": {field: report[field] for field in ("z", "relative_change")}}

    def overwrite(self):
        """Ten more marks, each under a key of its own."""
        model = self.folder / "marked.safetensors"
        for i in range(10):
            model, _ = self.program.mark(model, f"over-{i}")
        return model

    def measure(self):
        marked_file, report = self.program.mark(self.file, "marked")
        original, marked = attacks.load(self.file), attacks.load(marked_file)
        quality = self.measure_quality(original, marked)
        texts, pairs = bert.Texts(self.model), corpus.pairs(2000)
        say("training")
        sibling = bert.fine_tune(original, texts, pairs[::-1], **{**SIBLING, **self.steps}).tensors
        trained = bert.fine_tune(marked, texts, pairs, **{**FINE_TUNING, **self.steps})
        self.row("none", marked_file)
        single = single_attacks(original, sibling)
        for name, attack in single.items():
            self.row(name, attack(marked))
        self.row("ten more marks", self.overwrite())
        fine_tuned = f"fine-tuning, {len(trained.losses)} steps"
        self.row(fine_tuned, trained.tensors)
        pair = {name: single[name] for name in ("int8, a step for each row", "int4, groups of 128", "magnitude pruning, 50 %")}
        for name, attack in pair.items():
            self.row(f"fine-tuning, then {name}", attack(trained.tensors))
        for one, other in itertools.permutations(pair, 2):
            if "pruning" not in other:  # pruned before it is quantized, as is usual
                self.row(f"{one}, then {other}", pair[other](pair[one](marked)))
        return {
            "marked": {field: report[field] for field in ("z", "log10_p", "relative_change", "marked_elements")},
            "quality": quality,
            "fine_tuning": {
                "steps": len(trained.losses),
                "batch": FINE_TUNING["batch"],
                "rate": FINE_TUNING["rate"],
                "loss": [sum(some) / len(some) for some in (trained.losses[:10], trained.losses[-10:])],
                "relative_change": attacks.relative_change(marked, trained.tensors),
            },
            "rows": self.rows,
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="an empty folder to work in")
    parser.add_argument("--quick", action="store_true", help=f"fine-tuning of {QUICK} steps")
    options = parser.parse_args()
    steps = {"steps": QUICK} if options.quick else {}
    print(json.dumps(Bench(options.program.resolve(), options.model, options.folder, steps).measure()))


if __name__ == "__main__":
    main()
