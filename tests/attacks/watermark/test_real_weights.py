"""Attacks on a real trained model, marked at 0.5 %: what detection without the original still finds.

    WEIGHTSEAL_PROGRAM   path of the `weightseal` program
    WEIGHTSEAL_MODEL     path of the folder of all-MiniLM-L6-v2

benchmarks/watermark_attacks.py measures more of them, and with the original.
"""
from __future__ import annotations

import itertools
import math

import pytest

torch = pytest.importorskip("torch")

import attacks  # noqa: E402
import bert  # noqa: E402
import corpus  # noqa: E402

# Few steps, and large ones: what changes in all is as much as in a short run of real training.
FINE_TUNING = {"steps": 16, "rate": 3e-4, "batch": 8}


@pytest.fixture(scope="module")
def texts(victim):
    return bert.Texts(victim.original)


@pytest.fixture(scope="module")
def fine_tuned(victim):
    """The marked model, trained on."""
    trained = bert.fine_tune(victim.tensors, bert.Texts(victim.original, longest=20), corpus.pairs(32), **FINE_TUNING)
    assert sum(trained.losses[-4:]) < 0.2 * sum(trained.losses[:4])
    assert attacks.relative_change(victim.tensors, trained.tensors) > 0.01
    return trained.tensors


@pytest.fixture
def attacked(victim, tmp_path):
    """Detects after an attack on the marked weights."""
    def run(attack, tensors=None):
        return victim.detect(attacks.save(tmp_path / "suspect.safetensors", attack(tensors or victim.tensors)))
    return run


def certain(found: dict) -> bool:
    return found["verdict"] == "detected" and found["log10_p"] <= -30


# --- The mark itself

def test_the_marked_model_is_certain(victim):
    assert victim.report["z"] >= 20
    found = victim.detect(victim.folder / "marked")
    assert found["z"] == victim.report["z"] >= 20
    assert certain(found)


def test_the_unmarked_model_is_not_detected(victim):
    assert victim.report
    found = victim.detect(victim.original)
    assert found["verdict"] == "not detected"
    assert found["z"] < 5


def test_another_key_finds_nothing(victim):
    other = victim.mark(victim.original, "another")
    assert other["z"] >= 20
    found = victim.detect(victim.folder / "marked", name="another")
    assert found["verdict"] == "not detected"
    assert found["z"] < 5


def test_the_change_is_half_a_percent(victim):
    assert victim.report["relative_change"] == pytest.approx(0.005, rel=0.02)


def test_the_change_is_at_most_0_6_percent_in_bf16(victim, tmp_path):
    model = attacks.save(tmp_path / "bf16.safetensors", attacks.to(torch.bfloat16)(attacks.load(victim.original)))
    report = victim.mark(model, "bf16.safetensors")
    assert report["relative_change"] <= 0.006
    assert report["z"] >= 20


def test_embeddings_of_sentences_stay(victim, texts):
    original, sentences = attacks.load(victim.original), corpus.sentences()
    assert len(sentences) == 200
    before = bert.embeddings(original, texts, sentences)

    def worst(tensors):
        return bert.worst_cosine(before, bert.embeddings(tensors, texts, sentences))

    marked = worst(victim.tensors)
    bf16 = worst({name: t.to(torch.bfloat16).float() if t.is_floating_point() else t for name, t in original.items()})
    int8 = worst(attacks.on_matrices(attacks.int8)(original))
    print(f"worst cosine: marked {marked:.6f}, cast to BF16 {bf16:.6f}, int8 {int8:.6f}")
    assert marked >= 0.999


# --- Single attacks

SINGLE = {
    "int8": attacks.on_matrices(attacks.int8),
    "int4, groups of 128": attacks.on_matrices(attacks.int4),
    "NF4": attacks.on_matrices(attacks.nf4),
    "FP8": attacks.on_matrices(attacks.fp8),
    "F16": attacks.to(torch.float16),
    "BF16": attacks.to(torch.bfloat16),
    "magnitude pruning, 50 %": attacks.magnitude_pruning(0.5),
    "2:4 pruning": attacks.on_matrices(attacks.two_of_four),
    "random pruning, 50 %": attacks.random_pruning(0.5),
    "noise of 50 % of each row": attacks.noise(0.5),
    "low-rank adapter": attacks.low_rank(16, 0.1),
    "the first 70 % of all rows": attacks.first_rows(0.7),
    "other leading names": attacks.renamed(lambda name, i: f"base_model.model.{name}"),
    "names without meaning": attacks.renamed(lambda name, i: f"t{(i * 37) % 1009}"),
}


@pytest.mark.parametrize("name", SINGLE)
def test_an_attack_leaves_the_mark(attacked, name):
    assert certain(attacked(SINGLE[name]))


def test_fine_tuning_leaves_the_mark(attacked, fine_tuned):
    assert certain(attacked(lambda tensors: tensors, fine_tuned))


def test_ten_more_marks_leave_the_mark(victim):
    model = victim.folder / "marked"
    assert victim.report
    for i in range(10):
        victim.mark(model, f"over-{i}")
        model = victim.folder / f"over-{i}"
    assert certain(victim.detect(model))
    assert certain(victim.detect(model, name="over-0"))


def test_merging_with_the_unmarked_model_weakens_the_mark_by_its_share(victim, attacked):
    found = attacked(attacks.merged(attacks.load(victim.original), 0.5))
    assert found["verdict"] == "detected"
    assert found["z"] == pytest.approx(0.5 * victim.report["z"], abs=2)


# --- Pairs

PAIR = {
    "int8": SINGLE["int8"],
    "int4": SINGLE["int4, groups of 128"],
    "pruning": SINGLE["magnitude pruning, 50 %"],
    "fine-tuning": None,
}


@pytest.mark.parametrize("one, other", list(itertools.combinations(PAIR, 2)))
def test_two_attacks_leave_the_mark(attacked, fine_tuned, one, other):
    """Fine-tuning comes first: what was quantized or pruned is not trained on."""
    if PAIR[other] is None:
        assert certain(attacked(PAIR[one], fine_tuned))
    else: # pruned before it is quantized, as is usual
        first, second = (PAIR[other], PAIR[one]) if other == "pruning" else (PAIR[one], PAIR[other])
        assert certain(attacked(attacks.then(first, second)))


def test_an_attack_that_leaves_nothing_is_not_called_a_detection(victim, attacked):
    generator = torch.Generator().manual_seed(9)
    replace = attacks.on_matrices(lambda w: torch.randn(w.shape, generator=generator) * w.std())
    found = attacked(replace)
    assert found["verdict"] == "not detected"
    assert not math.isnan(found["z"]) and found["z"] < 5
