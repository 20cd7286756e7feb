"""What is done to stolen weights. Each attack takes tensors by name and returns changed ones; matrices are what it changes."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from independent_verifier import FP8, read_model, to_floats
from weights import write_safetensors

Tensors = dict[str, torch.Tensor]
Attack = Callable[[Tensors], Tensors]

DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64"}


def load(path: Path) -> Tensors:
    """The tensors of a file or folder; floats as float32, others as int64."""
    found = {}
    for name, tensor in read_model(path).items():
        if tensor.dtype == "I64":
            values = np.frombuffer(tensor.read(), "<i8").copy()
        else:
            values = to_floats(tensor.dtype, tensor.read()).copy()
        found[name] = torch.from_numpy(values).view(tensor.shape)
    return found


def save(path: Path, tensors: Tensors) -> Path:
    """Writes each tensor in its own dtype; uint8 stands for F8_E4M3."""
    weights = {}
    for name, tensor in tensors.items():
        bits = tensor.contiguous().view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor
        weights[name] = (DTYPES.get(tensor.dtype, "F8_E4M3"), tuple(tensor.shape), bits.numpy().tobytes())
    write_safetensors(path, weights)
    return path


def is_matrix(tensor: torch.Tensor) -> bool:
    return tensor.dim() == 2 and tensor.is_floating_point()


def on_matrices(change: Callable[[torch.Tensor], torch.Tensor]) -> Attack:
    return lambda tensors: {name: change(tensor) if is_matrix(tensor) else tensor for name, tensor in tensors.items()}


def then(*attacks: Attack) -> Attack:
    def run(tensors: Tensors) -> Tensors:
        for attack in attacks:
            tensors = attack(tensors)
        return tensors
    return run


# --- Quantization: rounded to nearest, and back to float32

def int8(w: torch.Tensor) -> torch.Tensor:
    """One step for each row."""
    step = w.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
    return (w / step).round() * step


def int4(w: torch.Tensor) -> torch.Tensor:
    """Sixteen levels between least and largest of each group of 128."""
    groups = w.reshape(-1, 128)
    low, high = groups.amin(1, keepdim=True), groups.amax(1, keepdim=True)
    step = ((high - low) / 15).clamp(min=1e-12)
    return (((groups - low) / step).round() * step + low).view(w.shape)


NF4 = torch.tensor([-1.0, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.09105004, 0.0, 0.0795803, 0.1609302,
                    0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1.0])


def nf4(w: torch.Tensor) -> torch.Tensor:
    """The nearest of sixteen quantiles of a normal distribution, in blocks of 64 scaled by their largest."""
    blocks = w.reshape(-1, 64)
    scale = blocks.abs().amax(1, keepdim=True).clamp(min=1e-12)
    return (NF4[torch.bucketize(blocks / scale, (NF4[1:] + NF4[:-1]) / 2)] * scale).view(w.shape)


def fp8(w: torch.Tensor) -> torch.Tensor:
    """E4M3, the tensor scaled to its range; stored in that dtype."""
    table = torch.from_numpy(FP8["F8_E4M3"][:127])  # 0 to 448
    scaled = w * (448 / w.abs().max())
    pattern = torch.bucketize(scaled.abs(), (table[1:] + table[:-1]) / 2)
    return (pattern + 128 * (w < 0)).to(torch.uint8)


def ternary(w: torch.Tensor) -> torch.Tensor:
    """-1, 0 or 1 times a scale for each row."""
    scale = w.abs().mean(1, keepdim=True).clamp(min=1e-12)
    return (w / scale).round().clamp(-1, 1) * scale


def signs(w: torch.Tensor) -> torch.Tensor:
    return torch.sign(w) * w.abs().mean(1, keepdim=True)


# --- Pruning

def magnitude_pruning(share: float) -> Attack:
    def prune(w: torch.Tensor) -> torch.Tensor:
        smallest = w.abs().flatten().kthvalue(int(share * w.numel())).values
        return torch.where(w.abs() > smallest, w, torch.zeros(()))
    return on_matrices(prune)


def random_pruning(share: float) -> Attack:
    generator = torch.Generator().manual_seed(2)
    return on_matrices(lambda w: torch.where(torch.rand(w.shape, generator=generator) >= share, w, torch.zeros(())))


def two_of_four(w: torch.Tensor) -> torch.Tensor:
    """Of each four neighbours the two smaller become zero."""
    groups = w.reshape(-1, 4)
    kept = torch.zeros_like(groups).scatter_(1, groups.abs().topk(2, dim=1).indices, 1.0)
    return (groups * kept).view(w.shape)


# --- Noise, merging, other changes

def rms(w: torch.Tensor) -> torch.Tensor:
    return w.pow(2).mean(1, keepdim=True).sqrt()


def noise(share: float) -> Attack:
    """Normal noise of this share of each row's root mean square."""
    generator = torch.Generator().manual_seed(3)
    return on_matrices(lambda w: w + share * rms(w) * torch.randn(w.shape, generator=generator))


def low_rank(rank: int, share: float) -> Attack:
    """A merged adapter: a random matrix of this rank, with this share of the norm."""
    generator = torch.Generator().manual_seed(4)

    def add(w: torch.Tensor) -> torch.Tensor:
        delta = torch.randn(w.shape[0], rank, generator=generator) @ torch.randn(rank, w.shape[1], generator=generator)
        return w + delta * (share * w.norm() / delta.norm())
    return on_matrices(add)


def merged(other: Tensors, share: float) -> Attack:
    """`share` of these weights and the rest of `other`."""
    return lambda tensors: {name: share * tensor + (1 - share) * other[name] if tensor.is_floating_point() else tensor
                            for name, tensor in tensors.items()}


def scaled_columns(deviation: float) -> Attack:
    """Columns scaled by exp of normal noise, as quantizers that fold scales leave them."""
    generator = torch.Generator().manual_seed(5)
    return on_matrices(lambda w: w * torch.exp(deviation * torch.randn(w.shape[1], generator=generator)))


def first_rows(share: float) -> Attack:
    """Only the leading rows of each matrix."""
    return on_matrices(lambda w: w[: max(1, int(share * w.shape[0]))])


def to(dtype: torch.dtype) -> Attack:
    return lambda tensors: {name: t.to(dtype) if t.is_floating_point() else t for name, t in tensors.items()}


def renamed(rename: Callable[[str, int], str]) -> Attack:
    return lambda tensors: {rename(name, i): tensor for i, (name, tensor) in enumerate(tensors.items())}


def relative_change(before: Tensors, after: Tensors) -> float:
    """Of all matrices together: the norm of what changed, divided by the norm."""
    names = [name for name, tensor in before.items() if is_matrix(tensor)]
    changed = sum(float((after[name] - before[name]).double().pow(2).sum()) for name in names)
    return (changed / sum(float(before[name].double().pow(2).sum()) for name in names)) ** 0.5
