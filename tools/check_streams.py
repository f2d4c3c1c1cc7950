#!/usr/bin/env python3
"""Checks that src/ writes to the standard streams in one place (cli/output.cpp): fmt::print throws where the stream is closed or its
disk is full, and a stream of C++ or of stdio writes past what is known about the others."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent / "src"
WRITES = re.compile(r"fmt::print(ln)?\s*\(|std::(cout|cerr|clog)\b|\b(f?printf|v?fprintf|puts|putchar|perror)\s*\(|\bfputs\s*\([^;]*\bstderr\b")
COMMENT = re.compile(r"//.*$")
STRING = re.compile(r'"(\\.|[^"\\])*"')
problems = []
for path in sorted(root.rglob("*")):
    if path.suffix not in {".cpp", ".h", ".cu", ".cuh"} or path.stem.endswith("_test") or path.stem.endswith("_for_test"):
        continue
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if WRITES.search(COMMENT.sub("", STRING.sub('""', line))):
            problems.append(f"src/{path.relative_to(root)}:{number}: write with print(), tell() or write_stderr() of cli: {line.strip()}")
for problem in problems:
    print(problem, file=sys.stderr)
sys.exit(1 if problems else 0)
