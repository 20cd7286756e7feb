"""age: the safetensors file decrypted to /dev/null, so without the cost of storing or parsing the plaintext."""

import subprocess

import worker


def prepare(folder):
    identity = folder / "age.key"
    identity.unlink(missing_ok=True)
    subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", identity], check=True, capture_output=True, text=True).stdout
    encrypt = ["age", "-r", recipient.strip(), "-o", folder / "age.age", folder / "model.safetensors"]
    subprocess.run(encrypt, check=True)


def command(folder):
    return ["age", "-d", "-i", str(folder / "age.key"), str(folder / "age.age")]


def about():
    return "age " + subprocess.run(["age", "--version"], check=True, capture_output=True, text=True).stdout.strip()


worker.serve_command(command, about, prepare)
