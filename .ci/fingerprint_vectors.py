"""Test vectors of docs/fingerprints.md, by an implementation of its own: only Python's library is needed.

    python3 .ci/fingerprint_vectors.py > similarity/fingerprint/testdata/vectors.json
"""
import hashlib
import json
import struct
import zlib

BUCKETS, PIECE, MASK = 4096, 1 << 20, (1 << 64) - 1


def word(seed, n):
    z = (seed + (n + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def seed(key):
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")


def section(tensors):
    """The buckets of a section, of its tensors (key, numbers) in the order of their keys."""
    total = [0.0] * BUCKETS
    for key, x in sorted(tensors):
        s = seed(key)
        for begin in range(0, len(x), PIECE):
            own = [0.0] * BUCKETS
            for i in range(begin, min(begin + PIECE, len(x))):
                stretch, at = divmod(i, BUCKETS)
                turn = word(s, 65 * stretch) >> 52
                negative = word(s, 65 * stretch + 1 + at // 64) >> (at % 64) & 1
                own[at ^ turn] += -x[i] if negative else x[i]
            total = [a + b for a, b in zip(total, own)]
    return struct.pack("<%df" % BUCKETS, *total)


def numbers(n, step):
    """Multiples of 1/64, which every format has but those of eight bits."""
    return [((i * step) % 97 - 48) / 64 for i in range(n)]


vectors = []
for tensors in (
    [("model.diffusion_model.input_blocks.1.0.in_layers.0.bias", 5, 1)],
    [("model.diffusion_model.input_blocks.1.0.in_layers.2.weight", 10000, 7)],
    [("model.diffusion_model.input_blocks.1.0.in_layers.0.bias", 320, 3), ("model.diffusion_model.input_blocks.1.0.in_layers.2.weight", PIECE + 4097, 5)],
):
    buckets = section([(key, numbers(n, step)) for key, n, step in tensors])
    vectors.append({
        "tensors": [{"key": key, "len": n, "step": step, "seed": "%016x" % seed(key), "words": ["%016x" % word(seed(key), k) for k in range(3)]} for key, n, step in tensors],
        "first": ["%08x" % v for v in struct.unpack("<8I", buckets[:32])],
        "crc32": "%08x" % zlib.crc32(buckets),
    })
print(json.dumps(vectors, indent=1))
