"""The README's snippets: each is compiled or typed as it stands, and run.

Needs WEIGHTSEAL_PROGRAM (in the bin/ of a build folder), WEIGHTSEAL_MODEL (a model folder), and the Python package.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent
README = (SOURCE / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def needed(name):
    if value := os.environ.get(name):
        return pathlib.Path(value)
    reason = f"skipped: {name} is not set"
    pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder as the README's reader has it: the programs on the path, a model, and the demo."""
    program = needed("WEIGHTSEAL_PROGRAM")
    model = needed("WEIGHTSEAL_MODEL")
    monkeypatch.setenv("PATH", os.pathsep.join([str(program.parent), os.path.dirname(sys.executable), os.environ["PATH"]]))
    shutil.copytree(model, tmp_path / "model")
    (tmp_path / "demo").symlink_to(SOURCE / "demo")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sealed(folder):
    for command in ("keygen -o model.key", "seal model/ -o model.wseal --key file:model.key"):
        subprocess.run(["weightseal", *command.split()], check=True, stdout=subprocess.DEVNULL)
    return folder


NUMBER = r"\d[\d.]*(?: (?:[KMG]iB|[KMG]B/s|ms|s)\b)?"


def expected(line):
    """Counts, sizes and speeds differ from run to run; everything else is as the README has it."""
    return NUMBER.join(re.escape(text) for text in re.split(NUMBER, line)) + "\n"


def test_transcripts(folder):
    transcripts = "".join(blocks("console"))
    for step in transcripts.removeprefix("$ ").split("\n$ "):
        command, *output = step.strip("\n").split("\n")
        result = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
        pattern = "".join(expected(line) for line in output)
        assert re.fullmatch(pattern, result.stdout), f"{command}:\n{result.stdout}"


@pytest.mark.parametrize("language, compiler, source, flags", [
    ("cpp", "c++", "snippet.cpp", ["-std=c++20"]),
    ("c", "cc", "snippet.c", ["-std=c11"]),
])
def test_compiled_snippets(sealed, language, compiler, source, flags):
    build = pathlib.Path(os.environ["WEIGHTSEAL_PROGRAM"]).parent.parent
    prefix = sealed / "installed"
    subprocess.run(["cmake", "--install", build, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
    package = "weightseal-core" if language == "cpp" else "weightseal"
    (pkgconfig,) = {path.parent for path in prefix.rglob("weightseal.pc")}
    environment = {**os.environ, "PKG_CONFIG_PATH": str(pkgconfig), "LD_LIBRARY_PATH": str(pkgconfig.parent)}
    libraries = subprocess.run(
        ["pkg-config", "--cflags", "--libs", package], env=environment, check=True, capture_output=True, text=True
    ).stdout.split()
    (snippet,) = blocks(language)
    (sealed / source).write_text(snippet, encoding="utf-8")
    subprocess.run([compiler, *flags, "-Wall", "-Wextra", "-Werror", source, "-o", "snippet", *libraries], check=True)
    result = subprocess.run(["./snippet"], env=environment, check=True, capture_output=True, text=True)
    assert re.search(r"\d+ bytes", result.stdout)


def test_python_snippets(sealed):
    if os.environ.get("CI") != "true":
        pytest.importorskip("torch", reason="skipped: torch is not installed")
    result = subprocess.run([sys.executable, "-c", "".join(blocks("python"))], check=True, capture_output=True, text=True)
    assert "detected" in result.stdout.splitlines()[0]


def test_named_files_are_there():
    for target in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (SOURCE / target).exists(), target
