#!/usr/bin/env python3
"""Checks that no type is defined twice: two files of one namespace with a `struct X` each break the one-definition rule, which no compiler sees.

Reads src, include, tests, tools and bench as text. Types in an unnamed namespace, in functions and forward declarations do not count; neither do
two definitions in one file (of which #if takes one).
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'(?![0-9a-zA-Z])|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.S | re.M
)
# What stands before a brace, back to the last end of a statement.
NAMESPACE = re.compile(r"(?:inline\s+)?namespace\s*([\w:]*)\s*$")
TYPE = re.compile(r"(?:^|\s)(?:struct|class|union|enum(?:\s+(?:struct|class))?)\s+(?:(?:alignas\([^)]*\)|\[\[[^\]]*\]\]|__attribute__\(\(.*?\)\))\s*)*([A-Za-z_]\w*)"
                  r"(?:\s*final)?\s*(?::[^:].*)?$", re.S)


def types_of(text):
    """Full names of the types that a file defines in named namespaces."""
    text = NOT_CODE.sub(lambda match: "\n" if match.group(0).lstrip().startswith("#") else '""', text)
    scopes = []  # one an open brace: a name, or None where names are of no concern outside
    start = 0
    for match in re.finditer(r"[{};]|\b(?:public|private|protected):", text):
        head, token = text[start : match.start()].strip(), match.group(0)
        start = match.end()
        if token == "}":
            if scopes:
                scopes.pop()
        elif token == "{":
            space = NAMESPACE.search(head)
            kind = TYPE.search(head)
            if space:
                scopes.append(space.group(1) or None)
            elif kind and not head.endswith(")") and "=" not in head.split(kind.group(1))[0]:
                # A specialisation has its arguments behind the name, and is another type.
                if None not in scopes:
                    yield "::".join(scopes + [kind.group(1)])
                scopes.append(kind.group(1))
            else:
                scopes.append(None)


def main():
    files = collections.defaultdict(set)
    for folder in ("src", "include", "tests", "tools", "bench"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".h", ".cpp", ".cu", ".cuh"}:
                for name in types_of(path.read_text(encoding="utf-8")):
                    files[name].add(str(path.relative_to(ROOT)))
    twice = {name: sorted(places) for name, places in files.items() if len(places) > 1}
    for name, places in sorted(twice.items()):
        print(f"{name} is defined in {' and in '.join(places)}: rename one, or put it into a namespace of its own", file=sys.stderr)
    if not files:
        print("no type was found at all: this check is broken", file=sys.stderr)
    return 1 if twice or not files else 0


if __name__ == "__main__":
    sys.exit(main())
