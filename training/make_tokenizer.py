#!/usr/bin/env python3
"""Trains the demo model's tokenizer.json: byte-level BPE with gpt-oss' pre-tokenisation and no merge that holds a digit.

    python3 training/make_tokenizer.py --out models/demo

Each digit, sign and single letter stays a token of its own wherever it stands in a formula, so that arithmetic reads the same in every
spacing; only words (with their leading space) and a few fixed pairs such as " +" are merged.
"""

import argparse
import json
import os
import random
from collections import Counter

import regex
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from conversations import sample
from glossary import GLOSSARY

# The pattern of o200k_harmony, as in the tokenizer.json of openai/gpt-oss-20b.
PATTERN = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
SPECIAL = ["<|startoftext|>", "<|endoftext|>", "<|return|>", "<|constrain|>", "<|channel|>", "<|start|>", "<|end|>", "<|message|>", "<|call|>"]
SIZE = 2048
WORD = regex.compile(r" ?[\p{L}\p{M}]{2,}('s|'t|'re|'ve|'m|'ll|'d)?")
PAIRS = {" +", " -", " *", " /", " =", " ×", " ÷", " −", " ·", ".\n", "\n\n", " (", "×", "÷", "√", "−", "·", "²"}


def pre_tokenizer():
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERN), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def corpus_pieces():
    """Pieces that may be merged, with their counts: words and a few pairs of signs, never a digit or a variable with a sign."""
    rng, counts = random.Random(2), Counter()
    texts = ["".join(sample(rng)) for _ in range(30000)] + [text for term in GLOSSARY for text in (term.en, term.ko)] * 30
    for text in texts:
        for part in regex.split("|".join(map(regex.escape, SPECIAL)), text):
            counts.update(regex.findall(PATTERN, part))
    return {p: 3000 if p in PAIRS else n for p, n in counts.items() if WORD.fullmatch(p) or p in PAIRS}


def all_merges(vocab):
    """Every split of every token into two tokens, in the order of ids: then BPE by merges and BPE by rank (= id) agree."""
    merges = []
    for token, _ in sorted(vocab.items(), key=lambda item: item[1]):
        splits = [(token[:i], token[i:]) for i in range(1, len(token)) if token[:i] in vocab and token[i:] in vocab]
        merges += sorted(splits, key=lambda pair: (vocab[pair[0]], vocab[pair[1]]))
    return merges


def train():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizer()
    trainer = trainers.BpeTrainer(vocab_size=SIZE - len(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
                                  min_frequency=2)
    pieces = corpus_pieces()
    tokenizer.train_from_iterator((p for p, n in sorted(pieces.items()) for _ in range(min(n, 3000))), trainer)
    vocab = tokenizer.get_vocab()
    tokenizer.model = models.BPE(vocab=vocab, merges=all_merges(vocab), ignore_merges=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIAL])
    return tokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    tokenizer = train()
    assert tokenizer.get_vocab_size() == SIZE, tokenizer.get_vocab_size()
    assert not any(c in "0123456789" and len(t) > 1 and t not in SPECIAL for t in tokenizer.get_vocab() for c in t)
    tokenizer.save(os.path.join(args.out, "tokenizer.json"))
    with open(os.path.join(args.out, "tokenizer_config.json"), "w") as f:
        json.dump({"bos_token": "<|startoftext|>", "clean_up_tokenization_spaces": False, "eos_token": "<|return|>",
                   "model_input_names": ["input_ids", "attention_mask"], "model_max_length": 4096, "pad_token": "<|endoftext|>",
                   "tokenizer_class": "PreTrainedTokenizerFast"}, f, indent=2)
        f.write("\n")


if __name__ == "__main__":
    main()
