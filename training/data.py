"""Packed training rows, made by worker processes: several conversations one after the other in each row of a fixed length."""

import multiprocessing
import os
import random

import numpy as np
from tokenizers import Tokenizer

from conversations import sample

ROW = 511  # with the sink's column 512
IGNORE = -100


def encode(tokenizer, count, rng):
    """Conversations as (ids, first id of the answer), those that fit into a row."""
    pairs = [sample(rng) for _ in range(count)]
    prompts = tokenizer.encode_batch_fast([p for p, _ in pairs])
    answers = tokenizer.encode_batch_fast([a for _, a in pairs])
    out = [(p.ids + a.ids, len(p.ids)) for p, a in zip(prompts, answers)]
    return [c for c in out if len(c[0]) <= ROW]


def pack(conversations):
    """First fit, long ones first: rows of conversations."""
    rows = []
    for c in sorted(conversations, key=lambda c: -len(c[0])):
        for row in rows:
            if row[0] + len(c[0]) <= ROW:
                row[0] += len(c[0])
                row[1].append(c)
                break
        else:
            rows.append([len(c[0]), [c]])
    return [row[1] for row in rows]


def arrays(rows, filler):
    """ids, targets (the next id where it is part of an answer) and document numbers, each [rows, ROW] int16.

    The filler must have an embedding: the padding token has none (zero), and the gradient of a norm at zero is enormous.
    """
    ids, targets, documents = (np.full((len(rows), ROW), fill, np.int16) for fill in (filler, IGNORE, 0))
    for r, row in enumerate(rows):
        at = 0
        for d, (tokens, answer) in enumerate(row, 1):
            n = len(tokens)
            ids[r, at : at + n] = tokens
            targets[r, at + answer - 1 : at + n - 1] = tokens[answer:]
            documents[r, at : at + n] = d
            at += n
    return np.stack([ids, targets, documents])


def worker(path, seed, filler, queue):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tokenizer, rng = Tokenizer.from_file(path), random.Random(seed)
    while True:
        rows = pack(encode(tokenizer, 300, rng))
        rng.shuffle(rows)
        queue.put(arrays(rows[:-1], filler))


class Stream:
    """Batches [3, size, ROW] from `workers` processes; seeds differ by worker, so a run is reproducible up to the order of arrival."""

    def __init__(self, tokenizer_path, size, workers, seed, filler):
        self.size, self.rows = size, np.zeros((3, 0, ROW), np.int16)
        context = multiprocessing.get_context("fork")  # before CUDA starts; a spawned worker would import torch first
        self.queue = context.Queue(maxsize=64)
        self.processes = [context.Process(target=worker, args=(tokenizer_path, f"{seed}:{i}", filler, self.queue), daemon=True)
                          for i in range(workers)]
        for p in self.processes:
            p.start()

    def __next__(self):
        parts, have = [self.rows], self.rows.shape[1]
        while have < self.size:
            parts.append(self.queue.get())
            have += parts[-1].shape[1]
        rows = np.concatenate(parts, 1)
        self.rows = rows[:, self.size :]
        return rows[:, : self.size]

    def close(self):
        for p in self.processes:
            p.terminate()
