#!/usr/bin/env python3
"""Proves that objects compiled with instruction-set flags are sealed: check_isa_objects.py BUILD_DIR.

An inline function that such an object exports can be picked by the linker for the whole program, which then dies on a CPU without
those instructions (numpy issue 25274 is one such story). So each object of src/kernels/*/TARGET.cpp and src/machine/*/TARGET.cpp, for the targets
of cmake/isa_flags.cmake, may define nothing but its entry points: no weak and no unique symbols, and no strong ones that another name than an entry point's has.
Works on release and debug objects alike. Exit code 0: sealed; 1: not; 2: nothing to look at.
"""
import pathlib
import re
import subprocess
import sys

FLAGS = pathlib.Path(__file__).resolve().parent.parent / "cmake/isa_flags.cmake"
TARGETS = re.findall(r"^mxpath_isa\((\w+) ", FLAGS.read_text(), re.M)
FOLDERS = {"kernels", "machine"}
# Entry points carry the name of the target: rows16_mxfp4_avx512(...), head_group_avx2(...).
ENTRY = r"mxpath::[a-z0-9_]+_{target}\(.*\)"
# What a compiler puts into every object that has debug information or exception tables.
ALLOWED = {"DW.ref.__gxx_personality_v0"}


def symbols_of(path):
    out = subprocess.run(["nm", "-C", str(path)], check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        match = re.match(r"^[0-9a-f ]{16,} ([A-Za-z]) (.*)$", line)
        if match:
            yield match.group(1), match.group(2)


def complaints(path, target):
    entry = re.compile(ENTRY.format(target=target))
    found = False
    for kind, name in symbols_of(path):
        if name in ALLOWED or kind == "U":
            continue
        if kind in "wWvVu":
            yield f"weak symbol {name}"
        elif kind.isupper() and kind != "N":
            if entry.fullmatch(name):
                found = True
            else:
                yield f"symbol {name} is not an entry point of {target}"
    if not found:
        yield "no entry point: it was compiled from something else, or is empty"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    objects = [(path, target) for target in TARGETS for path in sorted(pathlib.Path(sys.argv[1]).rglob(f"{target}.cpp.o")) if FOLDERS & set(path.parts)]
    if not objects:
        print(f"{sys.argv[1]}: no object of an instruction set; build mxpath_kernels first", file=sys.stderr)
        return 2
    bad = [f"{path}: {text}" for path, target in objects for text in complaints(path, target)]
    print("\n".join(bad) if bad else f"{len(objects)} objects are sealed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
