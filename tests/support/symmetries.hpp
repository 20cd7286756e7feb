#pragma once
// Symmetries: what a thief may do to a transformer of tests without changing what it computes, and the rounding that he
// may add.

#include "support/transformers.hpp"

namespace weightseal::testing {

// ---- symmetries of Llama ----

/// Multiplies gains by random factors, whose logarithms have this deviation, and divides the columns behind them.
void rescale_gains(Transformer& model, Random& random, double spread);
/// Folds the gains into the matrices behind them, then turns the residual stream.
void rotate_residual(Transformer& model, Random& random);
/// Moves and, if asked, changes the signs of its coordinates; gains stay where they belong.
void permute_residual(Transformer& model, Random& random, bool signs);
/// Moves neurons; scales up and down projections by factors of either sign if asked.
void permute_neurons(Transformer& model, Random& random, bool scales);
/// Moves groups of heads, and heads within their groups.
void permute_heads(Transformer& model, Random& random);
/// A random invertible matrix between value and output of each head of values.
void mix_values(Transformer& model, Random& random);
/// A random scaled rotation for each RoPE pair of queries and keys.
void turn_queries(Transformer& model, Random& random);
/// Other numbers for the tokens.
void permute_vocabulary(Transformer& model, Random& random);
void scale_residual(Transformer& model, double factor);
/// All of them but those of norm gains, of the coordinates of the residual stream and of the vocabulary.
void rewrite_llama(Transformer& model, Random& random);

// ---- symmetries of BERT ----

void permute_bert_residual(Transformer& model, Random& random);
void permute_bert_neurons(Transformer& model, Random& random);
void permute_bert_heads(Transformer& model, Random& random);
/// Random invertible matrices between query and key, and between value and output, of each head.
void mix_bert_heads(Transformer& model, Random& random);
/// All of them.
void rewrite_bert(Transformer& model, Random& random);

// ---- noise ----

/// Rounds every matrix to 4 bits, symmetrically, in groups of 128 elements of a row.
void quantize_int4(Transformer& model);

} // namespace weightseal::testing
