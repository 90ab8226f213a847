"""The whole of a prediction in one call: bytes in, quality and cost of every tier out."""

from math import exp, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.heads.compiled.characters import read_bytes
from tracetier.heads.compiled.jit import Number, kernel
from tracetier.heads.compiled.near import add_neighbours
from tracetier.heads.compiled.trees import Nodes, walk
from tracetier.heads.compiled.words import N_ID_WORDS, N_SHAPE, add_id, read_words

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.uint32]

# Where things stand in the state part of a row, behind the shape of the text.
OVERLAP_MAX, OVERLAP_MEAN = 1, 2

# Times a single bit, the upper six bits of this sequence tell the bit's place.
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_BIT_PLACE = np.zeros(64, np.int64)
_BIT_PLACE[[int(_DE_BRUIJN) << place >> 58 & 63 for place in range(64)]] = range(64)


class Tables(NamedTuple):
    """What a kernel reads of a model; T targets of K tiers, d numbers, E + L inputs beside them.

    Attributes
    ----------
    numbers : (3, d) array
        Stand-in for an unknown number, and the range seen in training.
    dense : (d, T) array
    buckets : (B, T) array
    encoding : (B, E) array
    words : (2**HASH_BITS, T + L + 1) array
        Weights, concepts and squared inverse document frequency of each word.
    cost_scale : (K,) array
        Reward cost of one USD.
    bounds : (2,) array
        Of a log cost.
    splits : (S, 3) array of int64, split_at : (S,) array
        Difficulty tree: column, left, right; threshold.
    near_scale : (d + L,) array
    near_points : (d + L, P) array
    near_offsets : (types + 1, P) array
    near_values : (P, T) array
    near_rank : int
    nodes, roots, outputs, leaf_value
        As `FlatTrees` has them.
    """

    numbers: Floats
    dense: Floats
    buckets: Floats
    encoding: Floats
    words: Floats
    cost_scale: Floats
    bounds: Floats
    splits: Ints
    split_at: Floats
    near_scale: Floats
    near_points: Floats
    near_offsets: Floats
    near_values: Floats
    near_rank: int
    nodes: Nodes
    roots: Ints
    outputs: Ints
    leaf_value: Floats


@kernel
def share_spoken(
    x: Floats, stems: Codes, spoken: NDArray[np.uint8], tool_starts: Ints, tool_slots: Ints
) -> None:
    """Fill in the largest and the mean share of a tool's stems that the text speaks of."""
    n_tools = len(tool_starts) - 1
    if n_tools < 1:
        return
    total = largest = 0.0
    for tool in range(n_tools):
        first, last = tool_starts[tool], tool_starts[tool + 1]
        n_spoken = 0
        for place in range(first, last):
            n_spoken += spoken[tool_slots[place]]
        share = n_spoken / (last - first) if last > first else 0.0
        total += share
        largest = max(largest, share)
    x[N_SHAPE + OVERLAP_MAX] = largest
    x[N_SHAPE + OVERLAP_MEAN] = total / n_tools


@kernel
def bucket_of(x: Floats, splits: Ints, split_at: Floats, n_buckets: Number) -> Number:
    """Walk the difficulty tree; the pooled bucket where there is none."""
    if not len(splits):
        return n_buckets - 1
    node: Number = np.int64(0)
    while node >= 0:
        below = x[splits[node, 0]] <= split_at[node]  # nan is not
        node = splits[node, 1] if below else splits[node, 2]
    return -node - 1


@kernel
def add_words(ids: NDArray[np.uint64], words: Floats, score: Floats, concepts: Floats) -> None:
    """Add the words' weights to the score, fill in the concepts, both by the text's length.

    Rows are added in the order of the ids, as in the plain code.
    """
    width, n_targets = words.shape[1], len(score)
    text = np.zeros(width)
    for place in range(N_ID_WORDS):
        rest = ids[place]
        while rest != 0:
            bit = rest & (~rest + np.uint64(1))
            row = words[place * 64 + _BIT_PLACE[(bit * _DE_BRUIJN) >> np.uint64(58)]]
            for j in range(width):
                text[j] += row[j]
            rest ^= bit
    if text[width - 1] > 0.0:
        length = sqrt(text[width - 1])
        for j in range(n_targets):
            score[j] += text[j] / length
        for j in range(len(concepts)):
            concepts[j] = text[n_targets + j] / length


@kernel
def predict(
    data: bytes,
    lower: bytes,
    log_bytes: float,
    state: Floats,
    fields: Codes,
    stems: Codes,
    tool_starts: Ints,
    tool_slots: Ints,
    known_bucket: Number,
    numbers: Floats,
    dense: Floats,
    buckets: Floats,
    encoding: Floats,
    words: Floats,
    cost_scale: Floats,
    bounds: Floats,
    splits: Ints,
    split_at: Floats,
    near_scale: Floats,
    near_points: Floats,
    near_offsets: Floats,
    near_values: Floats,
    near_rank: Number,
    nodes: Nodes,
    roots: Ints,
    outputs: Ints,
    leaf_value: Floats,
) -> Floats:
    """Predict one task.

    Parameters
    ----------
    data, lower : bytes
        The text as it is read, and in lower case but for ASCII.
    log_bytes : float
        ``ln(1 + bytes)`` of the whole text.
    state : (d - N_SHAPE,) array
        The numbers behind the shape of the text; those of spoken tools are filled in.
    fields : (F,) array
        Hashed names.
    stems, tool_starts, tool_slots
        Table of stems, and the slots in it of each tool's.
    known_bucket : int
        -1 where the difficulty tree decides.

    Returns
    -------
    (d + 3 K + 1,) array
        The row of numbers; quality, cost in USD and reward cost of each tier; the bucket.
    """
    d, n_targets, n_tiers = numbers.shape[1], dense.shape[1], len(cost_scale)
    out = np.empty(d + 3 * n_tiers + 1)
    x = out[:d]
    x[N_SHAPE:] = state
    ids = np.zeros(N_ID_WORDS, np.uint64)
    spoken = np.zeros(len(stems), np.uint8)
    read_bytes(data, x)
    x[0] = log_bytes
    read_words(lower, x, ids, stems, spoken)
    for i in range(len(fields)):
        add_id(ids, np.uint64(fields[i]))
    share_spoken(x, stems, spoken, tool_starts, tool_slots)
    bucket = known_bucket
    if bucket < 0:
        bucket = bucket_of(x, splits, split_at, len(buckets))

    n_concepts = words.shape[1] - n_targets - 1
    at, concepts = np.empty(d + n_concepts), np.zeros(n_concepts)
    score = buckets[bucket].copy()
    add_words(ids, words, score, concepts)
    for i in range(d):
        value = x[i] if x[i] == x[i] else numbers[0, i]
        value = min(max(value, numbers[1, i]), numbers[2, i])
        for t in range(n_targets):
            score[t] += value * dense[i, t]
        at[i] = (value - numbers[0, i]) * near_scale[i]
    if len(near_values):
        for j in range(n_concepts):
            at[d + j] = concepts[j] * near_scale[d + j]
        kind = min(bucket, len(near_offsets) - 1)
        add_neighbours(at, near_points, near_offsets[kind], near_values, near_rank, score)
    if len(roots):
        row = np.concatenate((x, encoding[bucket], concepts))
        added = np.zeros(n_targets)
        walk(row, added, nodes, roots, outputs, leaf_value)
        score += added
    for k in range(n_tiers):
        usd = exp(min(max(score[n_tiers + 1 + k], bounds[0]), bounds[1]))
        out[d + k] = min(max(score[k] + score[n_tiers], 0.0), 1.0)
        out[d + n_tiers + k] = usd
        out[d + 2 * n_tiers + k] = min(usd * cost_scale[k], 1.0)
    out[d + 3 * n_tiers] = bucket
    return out
