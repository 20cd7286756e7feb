#pragma once
// The words of the report, apart from names and numbers: formats of fmt.

namespace weightseal::watermark::report::words {

inline constexpr char head[] = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Watermark {}: {}</title>
<style>{}</style>
</head>
<body>
<main>
<p class="kind">Report of a watermark detection</p>
)html";

// Suspect, owner, model id.
inline constexpr char detected[] = R"html(<h1 class="detected"><strong>Detected:</strong> the weights of {} carry the
signal of the key to which the record of {} for “{}” commits.</h1>
)html";
inline constexpr char not_detected[] =
    R"html(<h1 class="no"><strong>Not detected:</strong> {} has enough weights to tell,
and the signal of the key to which the record of {} for “{}” commits was not found in them.</h1>
)html";
inline constexpr char not_enough[] =
    R"html(<h1 class="unsure"><strong>Not enough evidence:</strong> too few weights of {}
match the record of {} for “{}” for the signal of its key to be found or excluded.</h1>
)html";

inline constexpr char fixed_key[] = "p, for a key that was fixed before the suspect, at most";
inline constexpr char tried_keys[] = "p, for a claimant who could have tried 2<sup>64</sup> keys, at most";

inline constexpr char older[] = R"html(<p>A verified time-stamp shows that the record is older than the suspect, if that
was first seen when it is said to have been. So no key can have been searched for that fits this suspect, and the first
figure counts.</p>
)html";
inline constexpr char not_older[] = R"html(<p>No verified time-stamp shows that the record is older than the suspect. So
the first figure allows for a claimant who searched for a key that fits this suspect.</p>
)html";

// What a detection shows: of one, and of another verdict.
inline constexpr char shows[] = "It shows that the weights carry the signal of this key; it does not show who copied "
                                "them, how, or who owns the base model.";
inline constexpr char would_show[] = "A detection would show that the weights carry the signal of this key; it would "
                                     "not show who copied them, how, or who owns the base model.";

// WATERMARK.md §6, for readers who will not read that. p, what a detection shows, p for a claimant who could have tried
// 2⁶⁴ keys.
inline constexpr char meaning[] = R"html(<h2>What this says, and what it does not</h2>
<p>If the key had been chosen at random, without knowledge of this suspect or influence on it, a result at least this
strong would occur with probability at most <strong class="p">{}</strong>, after correction for the 6 registered tests.
This is not the probability that the suspect is innocent. {} It assumes that the key was secret, that the record was fixed
before the suspect, and that AES-256 and SHA-256 are sound. Other suspects or keys tried multiply p by their number. “Not
detected” does not prove independence.</p>
<ul>
<li>The probability holds whatever weights the suspect has. For the best of 2<sup>64</sup> such keys it is at most
<strong class="p">{}</strong>.</li>
<li>Whoever has the key can put its signal into any weights.</li>
<li>Training anew and distillation remove every mark of weights.</li>
</ul>
)html";

inline constexpr char statistics_head[] = R"html(<h2>The six registered statistics</h2>
<div class="table"><table class="statistics">
<thead><tr><th>statistic: what the key’s signs are compared with</th><th class="r">S</th><th class="r">Q</th>
<th class="r">T = S/√Q</th></tr></thead>
<tbody>
)html";
inline constexpr char statistics_foot[] = R"html(</tbody></table></div>
<p>S = Σ x·f and Q = Σ f², where x = ±1 are the signs that the key gives to each weight, and f is a whole number made from
the weight without the key. For a random key the probability of T ≥ t is at most exp(−t²/2) (Hoeffding 1963). z is the
largest T, and p = max(2<sup>−128</sup>, min(1, 6·exp(−z²/2))), or 1 if z ≤ 0. The six are fixed by WATERMARK.md, and p is
corrected for all of them, run or not. Nothing below 2<sup>−128</sup>, which is <span class="p">3.0 ×
10<sup>−39</sup></span>, is claimed. “Detected” is said when p, for a fixed key, is at most 10<sup>−9</sup>, or what the
command below says after --max-p; “not enough evidence” when it is not, and an unchanged copy of the weights compared
would not be sure to get there.</p>
)html";

// Picture, number of tensors, name of the statistic.
inline constexpr char figure[] = R"html(<h2>A picture of it</h2>
<figure>
{}<figcaption><span class="key"></span> T of the tensors found, {} in all, by <code>{}</code>. <span class="key line"></span>
Roughly what a key gives that has nothing to do with the suspect: the standard normal distribution. This is a picture, not
evidence: the evidence is the sum over all tensors, above.</figcaption>
</figure>
)html";

inline constexpr char tensors_head[] = R"html(<h2>Tensors</h2>
<div class="table names"><table>
<thead><tr><th>tensor</th><th>found by</th><th class="r">compared</th><th class="r">not finite</th>
<th class="r">T</th></tr></thead>
<tbody>
)html";
// Number of columns, number of rows.
inline constexpr char more_rows[] = R"html(<tr><td colspan="{}">… and {} more: the record and
<code>weightseal detect --json</code> list all.</td></tr>
)html";

// Command.
inline constexpr char check[] = R"html(<h2>How to check it</h2>
<ol>
<li>Take the record whose claim has the SHA-256 above. WATERMARK.md, a part of weightseal, says in its sections 7 and 8 how
digest, signature and time-stamp are computed; other programs can verify them.</li>
<li>With the key, the record and the suspect, run
<pre>{}</pre>
S and Q of the blind statistics are the same on every machine, digit for digit; T of the others may differ in the last
digits.</li>
<li>Compute T, z and p from S and Q by the formulas above.</li>
<li>Do it without this program: WATERMARK.md is enough to write a verifier, and the tests of weightseal hold one in Python
that was written from that page alone.</li>
<li>Without the key: the owner can reveal the chip keys of some tensors and keep the others. The record commits to each by
SHA-256(“weightseal/watermark/v1/commitment” ‖ chip key), below.</li>
</ol>
)html";

inline constexpr char digests_head[] = R"html(<h2>Commitments and digests</h2>
<table class="names digests">
<thead><tr><th>marked tensor</th><th>commitment to its chip key<br>SHA-256 of the original’s data<br>SHA-256 of the marked
data</th></tr></thead>
<tbody>
)html";

// Version.
inline constexpr char foot[] =
    R"html(<footer>Made by weightseal {}. This page follows from the detection, the record and the
command alone: it has no date of its own, runs no script, and loads nothing.</footer>
</main>
</body>
</html>
)html";

} // namespace weightseal::watermark::report::words
