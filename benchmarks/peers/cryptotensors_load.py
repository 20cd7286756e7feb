"""cryptotensors with its defaults (AES-256-GCM, chunks of 2 MiB, Ed25519 signature of the header)."""

import base64

import cryptotensors
import cryptotensors.torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import worker


def text(data):
    return base64.b64encode(data).decode()  # this package takes padded base64 in its JWKs, not base64url


def keys():
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    encrypt = {"kty": "oct", "alg": "aes256gcm", "kid": "bench-encrypt", "k": text(bytes(range(32)))}
    sign = {"kty": "okp", "alg": "ed25519", "kid": "bench-sign", "x": text(public), "d": text(raw)}
    return encrypt, sign


def prepare(folder):
    encrypt, sign = keys()
    cryptotensors.torch.save_file(
        worker.model_tensors(folder),
        folder / "cryptotensors_load.safetensors",
        config={"enc_key": encrypt, "sign_key": sign},
    )


def load(folder):
    cryptotensors.register_direct_key_provider(keys=list(keys()))
    return lambda: cryptotensors.torch.load_file(folder / "cryptotensors_load.safetensors")


worker.serve(load, lambda: f"{worker.version_of('cryptotensors')}, {worker.torch_version()}", prepare)
