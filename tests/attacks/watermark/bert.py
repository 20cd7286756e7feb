"""A sentence encoder of the BERT kind in a few torch functions: embeddings of texts, and real fine-tuning."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional as F

HEADS, LAYERS = 12, 6
Tensors = dict[str, torch.Tensor]


class Texts:
    """Texts as token numbers."""

    def __init__(self, model: Path, longest: int = 32):
        self.tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        self.tokenizer.enable_truncation(longest)
        self.tokenizer.enable_padding()

    def __call__(self, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.tokenizer.encode_batch(texts)
        return torch.tensor([text.ids for text in found]), torch.tensor([text.attention_mask for text in found])


def encode(weights: Tensors, ids: torch.Tensor, mask: torch.Tensor, dropout: float = 0.0) -> torch.Tensor:
    """One vector of length 1 for each text: the mean of its tokens after the last layer."""

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-12)

    def drop(x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, dropout, training=dropout > 0)

    batch, length = ids.shape
    x = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.position_embeddings.weight"][:length]
    x = drop(norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm"))
    hidden = (1.0 - mask[:, None, None, :]) * -1e9
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        q, k, v = (linear(x, f"{at}.attention.self.{part}").view(batch, length, HEADS, -1).transpose(1, 2)
                   for part in ("query", "key", "value"))
        attention = drop(torch.softmax(q @ k.transpose(2, 3) / q.shape[-1] ** 0.5 + hidden, -1))
        seen = (attention @ v).transpose(1, 2).reshape(batch, length, -1)
        x = norm(x + drop(linear(seen, f"{at}.attention.output.dense")), f"{at}.attention.output.LayerNorm")
        inner = F.gelu(linear(x, f"{at}.intermediate.dense"))
        x = norm(x + drop(linear(inner, f"{at}.output.dense")), f"{at}.output.LayerNorm")
    weight = mask[:, :, None].float()
    return F.normalize((x * weight).sum(1) / weight.sum(1), dim=1)


def embeddings(weights: Tensors, texts: Texts, sentences: list[str]) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([encode(weights, *texts(sentences[i : i + 50])) for i in range(0, len(sentences), 50)])


def worst_cosine(one: torch.Tensor, other: torch.Tensor) -> float:
    """Of two lists of unit vectors, the least cosine of two in the same place."""
    return float((one * other).sum(1).min())


@dataclass
class Trained:
    tensors: Tensors
    losses: list[float]


def fine_tune(weights: Tensors, texts: Texts, pairs: list[tuple[str, str]], steps: int, rate: float, batch: int) -> Trained:
    """All weights trained by AdamW to find the second text of a pair by the first, among those of a batch."""
    torch.manual_seed(1)
    trained = {name: tensor.clone().requires_grad_() if tensor.is_floating_point() else tensor
               for name, tensor in weights.items()}
    optimizer = torch.optim.AdamW([t for t in trained.values() if t.requires_grad], lr=rate, weight_decay=0.01)
    losses = []
    for step in range(steps):
        some = [pairs[(step * batch + i) % len(pairs)] for i in range(batch)]
        one, other = (encode(trained, *texts([pair[i] for pair in some]), dropout=0.1) for i in (0, 1))
        loss = F.cross_entropy(one @ other.T * 20, torch.arange(batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    return Trained({name: tensor.detach() for name, tensor in trained.items()}, losses)
