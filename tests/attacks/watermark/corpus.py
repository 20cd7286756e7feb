"""Texts: two hundred varied sentences, and pairs to train on from the standard library's own documentation."""
from __future__ import annotations

import ast
import itertools
import os
import random
from pathlib import Path

WRITTEN = """\
The cat slept on the warm windowsill all afternoon.
Stock prices fell sharply after the central bank raised interest rates.
How do I reset the password of my account?
Photosynthesis turns light, water and carbon dioxide into sugar and oxygen.
She quit.
Der Zug nach Hamburg hat heute vierzig Minuten Verspätung.
¿Dónde está la farmacia más cercana?
La mairie sera fermée du 1er au 15 août.
機械学習のモデルは重みからできている。
def area(r): return 3.14159 * r * r
SELECT name, COUNT(*) FROM orders GROUP BY name HAVING COUNT(*) > 3;
The defendant shall pay the plaintiff's costs within thirty days.
Take two tablets with food every eight hours, and no more than six a day.
404 Not Found
https://example.org/a/b?c=d#e
It was the first time in eleven years that snow had fallen on the island.
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
The quick brown fox jumps over the lazy dog, and the dog does not care at all about it.
Add a pinch of salt, fold in the egg whites, and bake for 25 minutes at 180 degrees.
Let f be a continuous function on a compact interval; then f attains its maximum.
!!!???...
Our flight was cancelled, so we rented a car and drove through the night.
The enzyme is inhibited by low concentrations of the drug in vitro.
Please find attached the minutes of Tuesday's meeting.
I have never been so disappointed by a phone in my life; the battery lasts two hours.
Best pizza in town, friendly staff, a little loud on weekends.
Mitochondria are the site of oxidative phosphorylation.
Quantum computers use superposition and entanglement.
The treaty was signed in 1648 and ended thirty years of war.
He scored twice in the last five minutes and won the match for the visitors.
Neural networks with more parameters need more data.
To be, or not to be, that is the question.
7 8 15 22 31 42
Rain is expected in the north, with strong winds along the coast.
The committee rejected the proposal by nine votes to four.
An abandoned factory by the river became a museum of modern art.
Turn left at the second traffic light and park behind the church.
Her grandmother taught her to knit when she was six.
The volcano erupted without warning, and ash covered the villages for weeks.
Keep out of reach of children.
"""
SUBJECTS = """\
The engineer|A small bakery|This algorithm|The river|My neighbour|The court of appeal|An old violin|Most birds|The new vaccine|Their startup"""
VERBS = """\
was praised by everybody who knew it|costs more than it did ten years ago|cannot be compared with anything else|changed the history of the region|needs to be repaired before winter|\
appears in three different documents|works best when nobody is watching|has been described as slow but reliable"""
ENDS = """\
.|, according to a report that was published on Monday.| and nobody knows why.|; still, doubts remain about its future in a market that is shrinking."""


def sentences() -> list[str]:
    """Two hundred sentences: of many subjects and lengths, some in other languages, some hardly language."""
    combined = itertools.product(ENDS.split("|"), VERBS.split("|"), SUBJECTS.split("|"))
    built = [f"{subject} {verb}{end}" for end, verb, subject in combined]
    return WRITTEN.splitlines() + built[::2]


def pairs(count: int) -> list[tuple[str, str]]:
    """Names of functions of the standard library, and the first sentences that describe them."""
    found = []
    for path in sorted(Path(os.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8", errors="replace"))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (text := ast.get_docstring(node)):
                first = text.split("\n\n")[0].replace("\n", " ")
                if len(first) > 30:
                    found.append((f"{path.stem} {node.name}".replace("_", " ").strip(), first))
    random.Random(1).shuffle(found)
    return found[:count]
