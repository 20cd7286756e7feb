"""The models that are measured: the shapes of real ones, filled with random bytes from a fixed seed."""

import json
import random
import struct

BLOCK = 1 << 20


def llama_shapes(hidden, layers, vocabulary=32000):
    """Names and shapes of a Llama with grouped-query attention in the proportions of TinyLlama-1.1B: feed-forward
    size 2.75 x hidden, keys and values an eighth of hidden, head and embedding not tied."""
    feed_forward, key_value = hidden * 11 // 4, hidden // 8
    shapes = [("model.embed_tokens.weight", [vocabulary, hidden])]
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        shapes += [
            (prefix + "input_layernorm.weight", [hidden]),
            (prefix + "self_attn.q_proj.weight", [hidden, hidden]),
            (prefix + "self_attn.k_proj.weight", [key_value, hidden]),
            (prefix + "self_attn.v_proj.weight", [key_value, hidden]),
            (prefix + "self_attn.o_proj.weight", [hidden, hidden]),
            (prefix + "post_attention_layernorm.weight", [hidden]),
            (prefix + "mlp.gate_proj.weight", [feed_forward, hidden]),
            (prefix + "mlp.up_proj.weight", [feed_forward, hidden]),
            (prefix + "mlp.down_proj.weight", [hidden, feed_forward]),
        ]
    return shapes + [("model.norm.weight", [hidden]), ("lm_head.weight", [vocabulary, hidden])]


def many_shapes(count):
    """Small tensors with the names a mixture of experts has."""
    return [(f"model.layers.{i // 1000}.mlp.experts.{i // 10 % 100}.part_{i % 10}.weight", [4, 8]) for i in range(count)]


def size_of(shapes):
    total = 0
    for _, shape in shapes:
        elements = 1
        for extent in shape:
            elements *= extent
        total += 2 * elements
    return total


def normal_weights(source, count):
    """bf16 numbers of a normal distribution, drawn from 65,536 of them."""
    some = [struct.pack("<f", source.gauss(0, 0.02))[2:] for _ in range(1 << 16)]
    return b"".join(source.choices(some, k=count))


def write_safetensors(path, shapes, seed=1, normal=False):
    """Writes a bf16 safetensors file; returns the bytes of its tensors. Random bytes or, if `normal`, numbers as weights
    are: excerpts of a long sequence of them, which nothing that is measured takes notice of."""
    header, offset = {}, 0
    for name, shape in shapes:
        end = offset + size_of([(name, shape)])
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    source = random.Random(seed)
    pool = normal_weights(source, 4 * BLOCK) if normal else b""
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for begin in range(0, offset, BLOCK):
            size = min(BLOCK, offset - begin)
            at = 2 * source.randrange((len(pool) - BLOCK) // 2) if normal else 0
            file.write(pool[at : at + size] if normal else source.randbytes(size))
    return offset
