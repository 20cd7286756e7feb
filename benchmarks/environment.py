"""The peers' Python environment, and what this machine is."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from harness import last_line, say

PEERS = ["packaging", "safetensors", "cryptography", "cryptotensors", "tensorizer", "tokenizers"]
DEBIAN_PYTHON = Path("/usr/bin/python3")


def run(command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def can_import(python, module):
    return run([python, "-c", f"import {module}"]).returncode == 0


def install(python, packages):
    """Installs what can be installed; returns {package: reason} of the others."""
    missing = {}
    for package in packages:
        if package == "cryptography" or not can_import(python, package):
            say(f"pip install {package}")
            done = run([python, "-m", "pip", "install", "-q", "--upgrade", package])
            if done.returncode:
                missing[package] = "pip: " + last_line(done.stderr)
    return missing


def prepare(folder, packages, base=None):
    """A virtual environment with every package that can be installed; returns its Python and {package: reason} of the
    others. torch is the distribution's, or whatever `base` has: the package index's carries gigabytes of CUDA."""
    base = Path(base) if base else DEBIAN_PYTHON if DEBIAN_PYTHON.exists() else Path(sys.executable)
    missing = {}
    debian = [] if can_import(base, "torch") else ["python3-torch"]
    debian += [] if shutil.which("age") else ["age"]
    if debian and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"apt-get install {' '.join(debian)}")
        run(["apt-get", "install", "-y", "--no-install-recommends", *debian])
    python = folder / "bin" / "python"
    if not python.exists():
        made = run([base, "-m", "venv", "--system-site-packages", folder])
        if made.returncode:
            return base, {"safetensors": last_line(made.stdout + made.stderr)}
    if not can_import(python, "torch"):
        missing["torch"] = "torch is not installed (Debian: python3-torch)"
    # tensorizer would install torch.
    wanted = [package for package in packages if package != "tensorizer" or "torch" not in missing]
    missing.update(install(python, wanted))
    return python, missing


def first_match(path, prefix):
    for line in Path(path).read_text().splitlines():
        if line.startswith(prefix):
            return line.split(":", 1)[1].strip()
    return "unknown"


def machine():
    kilobytes = int(first_match("/proc/meminfo", "MemTotal").split()[0])
    release = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    system = next((line.split("=")[1].strip('"') for line in release.splitlines() if line.startswith("PRETTY_NAME")), "")
    huge = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    family, model = first_match("/proc/cpuinfo", "cpu family"), first_match("/proc/cpuinfo", "model\t")
    return {
        "processor": f"{first_match('/proc/cpuinfo', 'model name')}, family {family}, model {model}",
        "cores": f"{len(os.sched_getaffinity(0))} usable of {os.cpu_count()}",
        "memory": f"{kilobytes / 2**20:.1f} GiB",
        "system": f"{system}, Linux {platform.release()}",
        "transparent huge pages": huge.read_text().strip() if huge.exists() else "none",
    }
