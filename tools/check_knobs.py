#!/usr/bin/env python3
"""Checks that no flag of the program is written below the faces: a sentence there mentions a knob (base/hint.h), and each face words it.

Strings of src/ outside src/cli are read. What stands in backticks after the name of a program is a command to type and may have flags. The
tables of src/diagnose are about the flags of other programs.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent / "src"
STRING = re.compile(r'"((?:\\.|[^"\\\n])*)"')
COMMENT = re.compile(r"//.*$")
INCLUDE = re.compile(r"^\s*#\s*include")
COMMAND = re.compile(r"`(?:mxpath|hf|python) [^`]*`?|^hf [^`]*$|^ --revision ")
FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
# The page about paths says which of its options shows more, beside `mxpath plan`.
ALLOWED = {("plan/paths_page.cpp", "--json")}


def strings_of(line):
    """The strings of a line that is no comment; a comment may hold what it wants."""
    if INCLUDE.match(line) or line.lstrip().startswith("//"):
        return
    for match in STRING.finditer(line):
        if not COMMENT.search(STRING.sub('""', line[: match.start()])):
            yield match.group(1)


def main():
    problems, seen = [], 0
    for path in sorted(ROOT.rglob("*")):
        relative = path.relative_to(ROOT)
        if path.suffix not in {".cpp", ".h", ".cu", ".cuh"} or relative.parts[0] in {"cli", "diagnose"} or "_test" in path.stem:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for text in strings_of(line):
                seen += 1
                for flag in FLAG.findall(COMMAND.sub("", text)):
                    if (relative.as_posix(), flag) not in ALLOWED:
                        problems.append(f"src/{relative}:{number}: {flag} is a word of the command line; mention the knob (base/hint.h)")
    for problem in problems:
        print(problem, file=sys.stderr)
    if not seen:
        print("no string was found at all: this check is broken", file=sys.stderr)
    return 1 if problems or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
