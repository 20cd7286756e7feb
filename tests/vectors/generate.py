#!/usr/bin/env python3
"""Makes the vectors beside it. Usage: generate.py PATH_OF_WEIGHTSEAL

Nothing runs this in the tests: the files it made are committed, and every implementation must agree with them for ever. A
rerun makes other containers and time-stamps, because they hold random bytes, and the same of everything else.
"""
from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from independent_reader import SUITES, ZERO_NONCE, Keys, hkdf_expand, hmac_sha256, open_container, parse_key_text  # noqa: E402
from independent_writer import alias, head_file, key_text, tensor, whole_file, write_container  # noqa: E402


def fixed(label: str, size: int = 32) -> bytes:
    return hashlib.shake_256(label.encode()).digest(size)


def write(name: str, comment: list[str], content: dict) -> None:
    path = HERE / name
    path.write_text(json.dumps({"_comment": comment} | content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size} bytes")


# --- keys.json

def text_of(kind: str, key: bytes) -> str:
    checksum = hashlib.sha256(b"weightseal/v1/key/" + kind.encode() + key).digest()[:4]
    return f"wseal_{kind}_" + base64.urlsafe_b64encode(key + checksum).decode()


def public_half(key: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def make_keys() -> None:
    secrets = [bytes(32), bytes(range(32)), b"\xff" * 32, fixed("key")]
    write("keys.json", ["The text form of keys: 'wseal_' kind '_', then base64url of 32 bytes and of the first 4 bytes of",
                        "SHA-256('weightseal/v1/key/' kind key), and of the public halves of signing keys, whose kind is 'signer'.",
                        "Made by generate.py with hashlib, and the Python package 'cryptography' for the public halves."],
          {"keys": [{"kind": kind, "key": key.hex(), "text": text_of(kind, key)}
                    for kind in ("seal", "recipient", "signing", "watermark") for key in secrets],
           "signers": [{"signing_key": key.hex(), "public": public_half(key).hex(), "text": text_of("signer", public_half(key))}
                       for key in secrets]})


# --- key_schedule.json

def schedule(suite: int, chunk_log2: int) -> dict:
    file_key, file_salt, block_salt = fixed("file key"), fixed("file salt"), fixed("block salt")
    keys = Keys(file_key, file_salt, suite, chunk_log2)
    covered, record, plain = fixed("covered", 100), fixed("record", 48), fixed("plain", 77)
    entry = keys.entry(258, record)
    chunks = []
    for number in (0, 1, 1 << 40):
        sealed = SUITES[suite](entry).encrypt(struct.pack(">I Q", 0, number), plain, None)
        chunks.append({"number": number, "ciphertext": sealed[:-16].hex(), "tag": sealed[-16:].hex()})
    return {
        "suite": suite, "chunk_log2": chunk_log2,
        "file_key": file_key.hex(), "file_salt": file_salt.hex(),
        "commitment": keys.derive("commitment").hex(),
        "covered": covered.hex(),
        "prelude_mac": hmac_sha256(keys.derive("prelude"), covered).hex(),
        "slots_mac": hmac_sha256(keys.derive("slots"), covered).hex(),
        "block_salt": block_salt.hex(), "directory_key": keys.derive("directory", block_salt).hex(),
        "index_key": keys.derive("index").hex(),
        "gaps_key": keys.derive("gaps").hex(),
        "gap_offset": 65541, "gap": keys.gap(65541, 100).hex(),
        "ordinal": 258, "record": record.hex(), "entry_key": entry.hex(),
        "plain": plain.hex(), "chunks": chunks,
    }


def slot() -> dict:
    secret, salt, file_salt, file_key = fixed("secret"), fixed("slot salt"), fixed("file salt"), fixed("file key")
    info = b"weightseal/v1/slot" + struct.pack("<H", 1) + file_salt
    derived = hkdf_expand(hmac_sha256(salt, secret), info, 64)
    wrapped = ChaCha20Poly1305(derived[:32]).encrypt(ZERO_NONCE, file_key, None)
    return {"secret": secret.hex(), "file_salt": file_salt.hex(), "file_key": file_key.hex(),
            "slot": (struct.pack("<H H 4x", 1, 120) + salt + derived[32:] + wrapped).hex()}


def make_schedule() -> None:
    cases = [schedule(suite, chunk_log2) for suite, chunk_log2 in ((1, 16), (1, 22), (2, 16), (2, 18))]
    write("key_schedule.json", ["FORMAT.md sections 3, 4 and 6: derived keys, MACs of 'covered', the gap of 100 bytes at a body offset,",
                                "chunks of 'plain' under the entry's key, and a slot. Bytes are hexadecimal. Made by generate.py",
                                "with hmac and hashlib, and the Python package 'cryptography' for the ciphers."],
          {"cases": cases, "slot": slot()})


# --- container.json

def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def parts(data: bytes) -> list[list]:
    """Stretches of a file with at least 64 zeros between them."""
    found, start = [], 0
    for gap in re.finditer(rb"\0{64,}", data):
        found.append((start, data[start : gap.start()]))
        start = gap.end()
    found.append((start, data[start:]))
    return [[at, base64url(part)] for at, part in found if part]


def describe(name: str, made_by: str, data: bytes, key: str) -> dict:
    container = open_container(data, parse_key_text(key))
    container.verify()
    sha256 = lambda content: hashlib.sha256(content).hexdigest()  # noqa: E731
    return {
        "name": name, "made_by": made_by, "suite": container.prelude.suite, "chunk_log2": container.prelude.chunk_log2,
        "is_folder": container.folder, "is_signed": container.prelude.signed, "key": key, "size": len(data),
        "sha256": sha256(data),
        "tensors": [{"name": tensor, "dtype": dtype, "shape": list(shape), "sha256": sha256(content)}
                    for tensor, (dtype, shape, content) in container.tensors.items()],
        "files": [{"name": file, "role": role, "sha256": sha256(content)}
                  for file, (role, content) in container.files.items()],
        "parts": parts(data),
    }


def model() -> tuple[bytes, list[tuple[str, str, list[int], bytes]]]:
    """The head of a safetensors file, and its tensors."""
    tensors = [("a.weight", "BF16", [3, 2], 12), ("scale", "F32", [], 4), ("packed", "F4", [2, 3], 3), ("none", "I64", [0, 5], 0),
               ("gewürz/模型", "U8", [5], 5), ("wide", "F64", [1, 2, 3], 48)]
    header, end, listed = {"__metadata__": {"format": "pt"}}, 0, []
    for name, dtype, shape, size in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        listed.append((name, dtype, shape, fixed(name, size)))
        end += size
    text = json.dumps(header, ensure_ascii=False).encode()
    return struct.pack("<Q", len(text)) + text, listed


def by_program(program: str, suite: int) -> dict:
    head, tensors = model()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "model")
        Path(folder, "sub").mkdir(parents=True)
        Path(folder, "model.safetensors").write_bytes(head + b"".join(data for *_, data in tensors))
        Path(folder, "config.json").write_text("{}")
        Path(folder, "sub", "empty.txt").touch()
        key = key_text(fixed(f"key {suite}"))
        Path(scratch, "key").write_text(key)
        name = {1: "aes-256-gcm", 2: "chacha20-poly1305"}[suite]
        subprocess.run([program, "seal", folder, "-o", Path(scratch, "out"), "--key", f"file:{scratch}/key", "--suite", name],
                       check=True, stdout=subprocess.DEVNULL)
        return describe(f"folder, {name}", "weightseal", Path(scratch, "out").read_bytes(), key)


def by_writer(suite: int) -> dict:
    head, tensors = model()
    head_item = head_file("model.safetensors", head)
    items = [whole_file("config.json", b"{}"), head_item] + [tensor(*fields, head=head_item) for fields in tensors]
    items.append(alias("tied", items[2]))
    secret = fixed(f"other key {suite}")
    signer = Ed25519PrivateKey.from_private_bytes(fixed("signer")) if suite == 2 else None
    data = write_container(items, secret, suite=suite, chunk_log2=18, signer=signer, foreign=[(2, 160)])
    return describe("a slot of another kind, an alias" + (", signed" if signer else ""), "independent_writer.py", data,
                    key_text(secret))


# --- record.json

def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def text(string: str) -> bytes:
    data = string.encode()
    return struct.pack("<I", len(data)) + data


def root_of(tensors: list[dict]) -> bytes:
    """WATERMARK.md section 2."""
    data = b"weightseal/watermark/v1/root" + struct.pack("<Q", len(tensors))
    for tensor in tensors:
        data += text(tensor["name"]) + text(tensor["dtype"]) + struct.pack("<I", len(tensor["shape"]))
        data += struct.pack(f"<{len(tensor['shape'])}Q", *tensor["shape"]) + bytes.fromhex(tensor["sha256"])
    return sha256(data)


def claim_text(claim: dict) -> str:
    """WATERMARK.md section 7."""
    return json.dumps(claim, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def record_tensor(name: str, dtype: str, shape: list[int], data: str, elements: int | None = None,
                  tied_to: str | None = None) -> dict:
    tensor = {"name": name, "dtype": dtype, "shape": shape, "sha256": sha256(data.encode()).hex()}
    if elements is not None:
        tensor["mark"] = {"commitment": fixed(f"commitment {name}").hex(), "sha256": fixed(f"marked {name}").hex(),
                          "elements": elements, "sketch": base64.b64encode(fixed(f"sketch {name}", 512)).decode()}
    if tied_to is not None:
        tensor["tied_to"] = tied_to
    return tensor


def make_authority(folder: Path) -> None:
    """A root, and a certificate for time-stamps that is valid for one day."""
    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "root.key", "-out", "root.pem", "-days", "1", "-subj", "/CN=Root of vectors")
    openssl("req", *curve, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/O=weightseal/CN=Time-stamps of vectors")
    (folder / "usage").write_text("extendedKeyUsage=critical,timeStamping\n")
    openssl("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "1",
            "-extfile", "usage", "-out", "tsa.pem")
    (folder / "tsa.cnf").write_text("[tsa]\nserial=serial\nsigner_digest=sha256\ndefault_policy=1.2.3.4.1\ndigests=sha256\n"
                                    "ess_cert_id_alg=sha256\n")


def time_stamp(imprint: bytes, folder: Path) -> dict:
    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", "ts", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("-query", "-digest", imprint.hex(), "-sha256", "-cert", "-out", "query")
    openssl("-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", "query", "-signer", "tsa.pem", "-inkey", "tsa.key",
            "-out", "reply")
    reply = (folder / "reply").read_bytes()
    time = re.search(rb"\x18\x0f(\d{14})Z", reply)[1].decode()
    seconds = int(datetime.strptime(time + "+0000", "%Y%m%d%H%M%S%z").timestamp())
    return {"response": base64.b64encode(reply).decode(), "authority": (folder / "root.pem").read_text(),
            "name": "O = weightseal, CN = Time-stamps of vectors", "seconds": seconds}


def record_case(name: str, strength: str, tensors: list[dict], owner: str, model_id: str, signing_key: bytes | None,
                folder: Path) -> dict:
    tensors.sort(key=lambda tensor: tensor["name"].encode())
    root = root_of(tensors)
    statistics = [f"{variant}_{feature}" for variant in ("blind", "aligned", "informed") for feature in ("white", "sign")]
    claim = claim_text({"owner": owner, "model_id": model_id, "root": root.hex(), "strength": strength,
                        "statistics": statistics, "tensors": tensors})
    digest, signature = sha256(claim.encode()), b""
    evidence = {"digest": digest.hex()}
    if signing_key is not None:
        signature = Ed25519PrivateKey.from_private_bytes(signing_key).sign(b"weightseal/watermark/v1/record" + digest)
        evidence |= {"signer": text_of("signer", public_half(signing_key)),
                     "signature": base64.b64encode(signature).decode()}
    evidence_text = json.dumps(evidence, separators=(",", ":"))
    return {"name": name, "claim": claim, "root": root.hex(),
            "signing_key": signing_key.hex() if signing_key is not None else None,
            "timestamp": time_stamp(sha256(claim.encode() + signature), folder),
            "json": f'{{"weightseal_record":1,\n"claim":{claim},\n"evidence":{evidence_text}}}\n'}


def make_records() -> None:
    small = [record_tensor("weight", "F32", [64, 64], "w", 4096)]
    many = [record_tensor("b.weight", "BF16", [4096, 11008], "b", 45088767), record_tensor("a.weight", "F64", [2, 4096], "a", 0),
            record_tensor("lm_head.weight", "F16", [100, 64], "e", tied_to="embed.weight"),
            record_tensor("embed.weight", "F16", [100, 64], "e", 6400), record_tensor("scale", "F32", [], "s"),
            record_tensor("empty", "I64", [0, 2**57], ""), record_tensor("packed", "F4", [2, 3], "p"),
            record_tensor("gewürz/模型 \"q\" \\ \t\x01\x7f </script>", "F8_E4M3", [5], "odd"),
            record_tensor("Z", "U8", [3], "z"), record_tensor("\U0001f600", "BOOL", [1], "t"), record_tensor("\uffee", "I8", [1], "u")]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_authority(folder)
        records = [record_case("unsigned", "0.005", small, "ACME Corp.", "tiny-1", None, folder),
                   record_case("signed, of every kind of tensor", "0.00031622776601683794", many,
                               "Ünïcode & Söhne\n\"GmbH\"", "model/7b-v2", fixed("signing key"), folder)]
    write("record.json", ["Records of marks (WATERMARK.md sections 2, 7 and 8): the record's file, the text of its claim, the root of the",
                          "original, and a time-stamp of it under certificates that were valid for a day. Made by generate.py with hashlib,",
                          "json, the Python package 'cryptography', and the program openssl for time-stamps."], {"records": records})


def main() -> None:
    make_keys()
    make_schedule()
    make_records()
    write("container.json", ["Sealed files. 'parts' are pairs of offset and base64url; the rest of the 'size' bytes is zero, and SHA-256 of the",
                             "whole file is 'sha256'. What 'key' opens: tensors and files in the order of the file, with SHA-256 of their",
                             "bytes; the role 'head' is the head of a safetensors file. Made by generate.py with the program and with",
                             "independent_writer.py, and described by independent_reader.py."],
          {"containers": [by_program(sys.argv[1], 1), by_program(sys.argv[1], 2), by_writer(1), by_writer(2)]})


if __name__ == "__main__":
    main()
