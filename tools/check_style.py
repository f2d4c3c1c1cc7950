#!/usr/bin/env python3
"""Holds changed files to .editorconfig: check_style.py [BASE].

Of a file that differs from BASE (a commit; default: see changed_since.sh) the lines that were added are looked at:
their width in characters, white space at the end, tabs where spaces indent and the other way round, carriage returns;
and of the whole file that it is UTF-8 and ends with a newline. Lines that were there before stay as they are. Exit
code 0: all keep the rules; 1: some do not.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def sections(text):
    """The sections of an .editorconfig in order: a regular expression for names of files and the settings."""
    found = []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            found.append((glob_to_regex(line[1:-1]), {}))
        elif "=" in line and not line.startswith(("#", ";")) and found:
            key, value = (part.strip().lower() for part in line.split("=", 1))
            found[-1][1][key] = value
    return found


def glob_to_regex(glob):
    """What .editorconfig's own rules say of *, ** and {a,b}; a glob without a slash is for names in any folder."""
    out = re.escape(glob)
    for text, regex in ((r"\*\*", ".*"), (r"\*", "[^/]*"), (r"\{", "(?:"), (r"\}", ")"), (",", "|")):
        out = out.replace(text, regex)
    return re.compile(out if "/" in glob else "(?:.*/)?" + out)


def settings_of(name, all_sections):
    settings = {}
    for pattern, values in all_sections:
        if pattern.fullmatch(name):
            settings.update(values)
    return settings


def line_faults(line, settings):
    if settings.get("end_of_line") == "lf" and line.endswith("\r"):
        yield "a carriage return at the end"
        line = line[:-1]
    if settings.get("trim_trailing_whitespace") == "true" and line != line.rstrip(" \t"):
        yield "white space at the end"
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    if settings.get("indent_style") == "space" and "\t" in indent:
        yield "a tab indents it"
    if settings.get("indent_style") == "tab" and indent.startswith(" " * 8):
        yield "spaces indent it"
    most = settings.get("max_line_length", "off")
    if most != "off" and len(line) > int(most):
        yield f"{len(line)} characters, at most {most}"


def faults(name, data, added, settings):
    """Sentences about one file; `added`: numbers of the lines to look at, None for all."""
    if b"\0" in data or not data:
        return
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if settings.get("charset") == "utf-8":
            yield f"{name}: no UTF-8 at byte {error.start}"
        return
    if settings.get("insert_final_newline") == "true" and not text.endswith("\n"):
        yield f"{name}: does not end with a newline"
    for number, line in enumerate(text.split("\n"), 1):
        if added is None or number in added:
            for fault in line_faults(line, settings):
                yield f"{name}:{number}: {fault}"


def git(*words):
    output = subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True).stdout
    return output.decode("utf-8", "replace")


def added_lines(base):
    """Name of each changed file to the numbers of its added lines, None for a file that git does not know yet."""
    added, name = {}, None
    diff = git("-c", "core.quotePath=off", "diff", "-U0", "--diff-filter=d", "--no-renames", "--no-ext-diff", base)
    for line in diff.split("\n"):
        if line.startswith("+++ b/"):
            name = line[6:].rstrip("\t")
            added[name] = set()
        elif match := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            first, count = int(match[1]), int(match[2] or 1)
            added[name].update(range(first, first + count))
    for name in git("ls-files", "-z", "--others", "--exclude-standard").split("\0"):
        if name:
            added[name] = None
    return added


def default_base():
    script = ". tools/changed_since.sh && changed_since >&2 && echo $base"
    shell = subprocess.run(["bash", "-c", script], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return shell.stdout.strip()


def main():
    base = sys.argv[1] if len(sys.argv) > 1 else default_base()
    rules = sections((ROOT / ".editorconfig").read_text())
    added = added_lines(base) if base else {}
    found = []
    for name, lines in sorted(added.items()):
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            found += faults(name, path.read_bytes(), lines, settings_of(name, rules))
    print("\n".join(found) if found else f"{len(added)} changed files keep .editorconfig's rules")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
