#!/usr/bin/env python3
"""Checks that every folder of src/ includes only the folders before it (ARCHITECTURE.md), and that sealed kernel files stay sealed."""
import pathlib
import re
import sys

# The way of a weight to a token. chat, grammar, diagnose and convert stand beside the model; app joins all of it for
# the faces (server, cli, api); the command line starts the server, and else they do not know each other.
ALLOWED = {}
order = ["base", "formats", "device", "machine", "checkpoint", "plan", "layout", "kernels", "kv", "model", "engine"]
for position, folder in enumerate(order):
    ALLOWED[folder] = set(order[: position + 1])
ALLOWED["chat"] = {"base", "chat"}
ALLOWED["diagnose"] = {"base", "formats", "machine", "checkpoint", "plan", "diagnose"}
ALLOWED["convert"] = {"base", "formats", "machine", "checkpoint", "convert"}
ALLOWED["app"] = set(order) | {"convert", "chat", "diagnose", "app"}
ALLOWED["grammar"] = {"base", "chat", "grammar"}
ALLOWED["server"] = ALLOWED["app"] | {"grammar", "server"}
ALLOWED["cli"] = ALLOWED["app"] | {"server", "cli"}
ALLOWED["api"] = ALLOWED["app"] | {"api", "mxpath"}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')

root = pathlib.Path(__file__).resolve().parent.parent / "src"
# The files that get flags of an instruction set.
TARGETS = re.findall(r"^mxpath_isa\((\w+) ", (root.parent / "cmake/isa_flags.cmake").read_text(), re.M)
SEALED = re.compile(rf"^({'|'.join(TARGETS)})\.cpp$")
problems = []
for path in sorted(root.rglob("*")):
    if path.suffix not in {".cpp", ".h", ".cu", ".cuh"}:
        continue
    relative = path.relative_to(root)
    folder = relative.parts[0]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match.group(1)
        if target.split("/")[0] not in ALLOWED[folder]:
            problems.append(f"src/{relative}:{number}: {folder} may not include {target}")
        if SEALED.match(path.name) and not target.startswith(("kernels/", "machine/sum_words/")):
            problems.append(f"src/{relative}:{number}: a sealed file includes {target}, which is not made for sealed files")
for problem in problems:
    print(problem, file=sys.stderr)
sys.exit(1 if problems else 0)
