"""openssl enc with AES-256-CTR (it offers no AEAD, so nothing is authenticated), decrypted to /dev/null."""

import subprocess

import worker

PASSWORD = "file:{}/openssl_enc.key"


def enc(folder):
    return ["openssl", "enc", "-aes-256-ctr", "-pbkdf2", "-pass", PASSWORD.format(folder)]


def prepare(folder):
    (folder / "openssl_enc.key").write_text("benchmark\n")
    output = ["-in", folder / "model.safetensors", "-out", folder / "openssl_enc.bin"]
    subprocess.run(enc(folder) + output, check=True)


def command(folder):
    return enc(folder) + ["-d", "-in", str(folder / "openssl_enc.bin")]


def about():
    printed = subprocess.run(["openssl", "version"], check=True, capture_output=True, text=True).stdout
    return " ".join(printed.split()[:2])


worker.serve_command(command, about, prepare)
