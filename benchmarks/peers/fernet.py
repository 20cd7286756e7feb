"""The usual recipe of tutorials: Fernet over the bytes of torch.save, decrypted and loaded from memory."""

import io

import torch
from cryptography.fernet import Fernet

import worker

KEY = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def prepare(folder):
    plain = io.BytesIO()
    torch.save(worker.model_tensors(folder), plain)
    (folder / "fernet.enc").write_bytes(Fernet(KEY).encrypt(plain.getvalue()))


def load(folder):
    def load_it():
        with open(folder / "fernet.enc", "rb") as file:
            plain = Fernet(KEY).decrypt(file.read())
        return torch.load(io.BytesIO(plain), map_location="cpu")

    return load_it


worker.serve(load, lambda: f"{worker.version_of('cryptography')}, {worker.torch_version()}", prepare)
