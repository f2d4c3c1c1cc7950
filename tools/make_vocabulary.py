#!/usr/bin/env python3
"""Packs a tiktoken rank file into the vocabulary that the program embeds.

    tools/make_vocabulary.py o200k_base.tiktoken src/chat/data/o200k_base.bin

Input: one `base64(bytes) rank` per line, ranks 0, 1, 2 … in order. Output: for each rank one length byte and the bytes.
Both files are checked against the known SHA-256, so the result is the committed file or an error.
"""
import base64
import hashlib
import sys

SOURCE_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
PACKED_SHA256 = "bac143fe7fe950090c6e4ed9a2f80de5412a92495758b52becbbe5a7eea25ecb"


def pack(source: bytes) -> bytes:
    packed = bytearray()
    for expected, line in enumerate(source.splitlines()):
        encoded, rank = line.split()
        token = base64.b64decode(encoded, validate=True)
        if int(rank) != expected or not 1 <= len(token) <= 255:
            raise SystemExit(f"line {expected + 1}: rank {rank.decode()} or length {len(token)} is not what the packed form can hold")
        packed.append(len(token))
        packed += token
    return bytes(packed)


def check(data: bytes, sha256: str, name: str) -> bytes:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SystemExit(f"{name}: SHA-256 differs from {sha256}")
    return data


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    source_path, packed_path = sys.argv[1:]
    with open(source_path, "rb") as file:
        source = check(file.read(), SOURCE_SHA256, source_path)
    packed = check(pack(source), PACKED_SHA256, packed_path)
    with open(packed_path, "wb") as file:
        file.write(packed)
    print(f"{packed_path}: {len(packed)} bytes")


if __name__ == "__main__":
    main()
