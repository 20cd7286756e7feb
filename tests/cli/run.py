#!/usr/bin/env python3
"""Runs the transcripts of this folder against the program: run.py PROGRAM [TRANSCRIPT...]

A transcript is a text file:

    # A comment: at the top, or after a blank line.
    $ weightseal keygen -o k        a line for /bin/sh, run in a folder made for this transcript
    key *                           what it must print on standard output, line by line; * stands for any text
    ...                             a line of three dots stands for any number of lines
    ! exists already                text its standard error must hold; several such lines are allowed
    ? 5                             its exit status

Without ! standard error must be empty, without ? the status must be 0. Blank lines before a command or a comment do not
count. A first line "needs NAME" skips the transcript where there is no program or path NAME. PATH holds the program as
`weightseal` and the scripts of helpers/, each of which says what it does.

Prints one line for each transcript and a summary; the status is 1 when one failed.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent
TIME_LIMIT = 120  # seconds for a command: only a program that hangs reaches it


@dataclass
class Step:
    line: int
    command: str
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    status: int = 0


class Mismatch(Exception):
    pass


def parse(text: str) -> tuple[list[str], list[Step]]:
    """The needs and the steps of a transcript."""
    needs: list[str] = []
    steps: list[Step] = []
    blanks = 1
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("$ "):
            steps.append(Step(number, line[2:]))
        elif line == "":
            blanks += 1
            continue
        elif line.startswith("#") and blanks:
            continue  # the blank lines count until the next command
        elif line.startswith("needs ") and not steps:
            needs.append(line.removeprefix("needs "))
        elif not steps:
            raise Mismatch(f"line {number}: there is no command before it")
        elif line.startswith("! "):
            steps[-1].stderr.append(line[2:])
        elif line.startswith("? "):
            steps[-1].status = int(line[2:])
        else:
            steps[-1].stdout += [""] * blanks + [line]
        blanks = 0
    return needs, steps


def pattern(lines: list[str]) -> re.Pattern[str]:
    def translate(line: str) -> str:
        if line == "...":
            return "(?:.*\n)*?"
        return ".*".join(re.escape(part) for part in line.split("*")) + "\n"

    return re.compile("".join(map(translate, lines)))


def run_step(step: Step, folder: pathlib.Path, environment: dict[str, str]) -> None:
    try:
        result = subprocess.run(
            ["/bin/sh", "-c", step.command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIME_LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise Mismatch(f"line {step.line}: $ {step.command}\n  runs for more than {TIME_LIMIT} s") from None
    stdout = result.stdout.decode(errors="backslashreplace")
    stderr = result.stderr.decode(errors="backslashreplace")
    wrong = []
    if result.returncode != step.status:
        wrong.append(f"exit status {result.returncode}, expected {step.status}")
    if not pattern(step.stdout).fullmatch(stdout):
        wrong.append("standard output, expected:\n" + "".join(f"    {line}\n" for line in step.stdout))
    wrong += [f"standard error lacks: {text}" for text in step.stderr if text not in stderr]
    if stderr and not step.stderr:
        wrong.append("standard error is not empty")
    if wrong:
        shown = "".join(f"  | {line}\n" for line in (stdout + stderr).splitlines()[:40])
        raise Mismatch(f"line {step.line}: $ {step.command}\n  " + "\n  ".join(wrong) + "\n  it said:\n" + shown)


def run_transcript(transcript: pathlib.Path, program: pathlib.Path) -> str | None:
    """Why the transcript is skipped, or nothing. Raises Mismatch."""
    needs, steps = parse(transcript.read_text())
    for name in needs:
        if not (os.path.exists(name) if "/" in name else shutil.which(name)):
            return f"there is no {name}"
    with tempfile.TemporaryDirectory(prefix="weightseal-cli-") as scratch:
        folder = pathlib.Path(scratch, "here")
        commands = pathlib.Path(scratch, "bin")
        folder.mkdir()
        commands.mkdir()
        (commands / "weightseal").symlink_to(program)
        (commands / "python3").symlink_to(sys.executable)
        inherited = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "LD_LIBRARY_PATH"}
        environment = inherited | {
            "PATH": f"{commands}:{HERE / 'helpers'}:/usr/bin:/bin",
            "HOME": scratch,
            "LC_ALL": "C.UTF-8",
        }
        for step in steps:
            run_step(step, folder, environment)
    return None


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    program = pathlib.Path(sys.argv[1]).resolve()
    transcripts = [pathlib.Path(name) for name in sys.argv[2:]] or sorted(HERE.glob("*.txt"))
    if not os.access(program, os.X_OK) or not transcripts:
        print(f"run.py: no program at {program}, or no transcripts", file=sys.stderr)
        return 2
    passed = failed = skipped = 0
    for transcript in transcripts:
        try:
            reason = run_transcript(transcript, program)
        except Mismatch as mismatch:
            failed += 1
            print(f"failed: {transcript.stem}: {mismatch}")
            continue
        if reason:
            skipped += 1
            print(f"skipped: {transcript.stem}: {reason}")
        else:
            passed += 1
            print(f"passed: {transcript.stem}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
