"""What is measured of the watermark: speed and memory, attacks on a real model, rewritten models."""

import json
import subprocess
import sys
import time

from harness import HERE, last_line, say, stolen_share
from watermark_speed import WatermarkSpeed


def real_model(build):
    """The folder of the real model, or why it is not there."""
    command = [sys.executable, HERE.parent / "demo" / "minilm.py", build.parent / "models"]
    done = subprocess.run(command, capture_output=True, text=True)
    path = done.stdout.strip()
    if done.returncode or not path.endswith("/minilm"):
        return None, last_line(done.stderr)
    return path, None


def measure_attacks(build, folder, python, missing, quick):
    say("watermark: attacks on a real model")
    model, reason = real_model(build)
    reason = missing.get("torch") or missing.get("tokenizers") or reason
    if reason:
        return None, reason
    work = folder / "attacks"
    work.mkdir()
    command = [python, HERE / "watermark_attacks.py", "--program", build / "bin" / "weightseal", "--model", model,
               "--folder", work, *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return None, "benchmarks/watermark_attacks.py failed"
    return json.loads(done.stdout), None


def measure_symmetries(build):
    program = build / "bin" / "bench_watermark_symmetries"
    if not program.exists():
        return []
    say("watermark: rewritten models")
    done = subprocess.run([program], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure(build, folder, python, binding, missing, warm, quick):
    begin, ticks = time.time(), stolen_share()
    results = {"speed": WatermarkSpeed(build, folder, python, binding, missing, warm, quick).measure()}
    results["attacks"], results["attacks_absent"] = measure_attacks(build, folder, python, missing, quick)
    results["symmetries"] = measure_symmetries(build)
    results["minutes"] = (time.time() - begin) / 60
    results["stolen"] = stolen_share(ticks)
    return results
