"""What tools/check_style.py says of lines and files that break .editorconfig's rules, and of those that keep them."""
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check_style

RULES = check_style.sections((ROOT / ".editorconfig").read_text())


def said(name, data, added=None):
    found = check_style.faults(name, data, added, check_style.settings_of(name, RULES))
    return [sentence.removeprefix(name) for sentence in found]


class Faults(unittest.TestCase):
    def test_a_file_that_keeps_the_rules_has_none(self):
        self.assertEqual(said("src/a.cpp", b"int a;\n  int b;\n"), [])
        self.assertEqual(said("src/empty.cpp", b""), [])

    def test_each_rule_has_its_sentence(self):
        self.assertEqual(said("src/a.cpp", b"int a;"), [": does not end with a newline"])
        self.assertEqual(said("src/a.cpp", b"int a; \n"), [":1: white space at the end"])
        self.assertEqual(said("src/a.cpp", b"\n\tint a;\n"), [":2: a tab indents it"])
        self.assertEqual(said("src/a.cpp", b"int a;\r\n"), [":1: a carriage return at the end"])
        self.assertEqual(said("src/a.cpp", b"// \xff\n"), [": no UTF-8 at byte 3"])
        self.assertEqual(said("Makefile", b"a:\n        b\n"), [":2: spaces indent it"])

    def test_width_is_counted_in_characters(self):
        self.assertEqual(said("src/a.cpp", b"/" * 120 + b"\n"), [])
        self.assertEqual(said("src/a.cpp", b"/" * 121 + b"\n"), [":1: 121 characters, at most 120"])
        self.assertEqual(said("src/a.cpp", ("//" + "…" * 118 + "\n").encode()), [])

    def test_only_added_lines_are_looked_at(self):
        self.assertEqual(said("src/a.cpp", b"a \nb \n", {2}), [":2: white space at the end"])

    def test_sections_give_rules_to_names(self):
        wide = b"x" * 200 + b"\n"
        self.assertEqual(said("docs/page.md", wide), [])
        self.assertEqual(said("tests/data/log", wide), [])
        self.assertEqual(said("Makefile", b"a:\n\tb\n"), [])
        self.assertNotEqual(said("tests/cli/a.cpp", wide), [])
        self.assertNotEqual(said("cmake/a.cmake", wide), [])


if __name__ == "__main__":
    unittest.main()
