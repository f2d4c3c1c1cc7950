"""What comes from elsewhere stays text; nothing foreign is loaded; the policy holds."""

import json
import pathlib
import re
import tempfile
import time
import unittest

from browser import PageTest, until
from mock_server import PAGE, hashes_of, policy_of
from scripts import EVIL

TEXT = PAGE.read_text(encoding="utf-8")


class File(unittest.TestCase):
    def test_size(self):
        self.assertLessEqual(len(TEXT.encode()), 60_000)

    def test_the_policy_can_hold(self):
        self.assertEqual(len(hashes_of(TEXT, "script")), 1)
        self.assertEqual(len(hashes_of(TEXT, "style")), 1)
        self.assertEqual(
            TEXT.count("<script"), 1, "also in texts: a second one would end the first for the server's hash"
        )
        self.assertEqual(TEXT.count("<style"), 1)
        self.assertNotIn("\r", TEXT, "browsers hash line feeds")
        self.assertTrue(policy_of(TEXT).startswith("default-src 'none'; script-src 'sha256-"))

    def test_no_markup_is_made_of_texts(self):
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "DOMParser",
            "createContextualFragment",
            "setHTML",
            "srcdoc",
        ):
            self.assertNotIn(word, TEXT)
        self.assertIsNone(re.search(r"""<[a-z][^>]*\s(on[a-z]+|style)\s*=""", TEXT), "no attributes with code or style")

    def test_no_foreign_host(self):
        self.assertEqual(
            set(re.findall(r"https?://[\w.]+", TEXT)), {"http://www.w3.org"}, "names of kinds of markup alone"
        )

    def test_it_can_be_built_in(self):
        """By the raw string literals and @words@ of the build."""
        self.assertNotIn(')~~"', TEXT)
        self.assertIsNone(re.search(r"@[A-Za-z0-9_./+-]+@", TEXT))

    def test_every_word_is_there_in_both_languages(self):
        table = re.search(r"const WORDS = \{(.*?)\n\};", TEXT, re.DOTALL).group(1)
        words = re.findall(r"^  (\w+): \[\s*'([^']*)',\s*'([^']*)'\],$", table, re.MULTILINE)
        self.assertEqual(len(words), len(re.findall(r"^  \w+:", table, re.MULTILINE)))
        self.assertGreater(len(words), 90)
        names = {name for name, _, _ in words}
        self.assertEqual(len(names), len(words), "no name twice")
        for name, english, korean in words:
            for form in english.split("|"):
                self.assertEqual(sorted(re.findall(r"\{\d\}", form)), sorted(re.findall(r"\{\d\}", korean)), name)
            self.assertNotIn("|", korean)
        used = set(re.findall(r"""\bt\('(\w+)'|data-(?:t|label)="(\w+)\"""", TEXT))
        self.assertEqual({a or b for a, b in used} - names, set())


class Hostile(PageTest):
    def assert_harmless(self):
        self.assertEqual(self.driver.title, "mxpath")
        self.assertEqual(
            self.all("main img, main script, main iframe, [onerror], a[href^='javascript:'], a[href^='data:']"), []
        )
        foreign = [url for url in self.requests() if not url.startswith((self.server.url, "data:", "blob:"))]
        self.assertEqual(foreign, [])

    def test_the_policy_stops_what_is_not_built_in(self):
        got = self.run_js("""
          const script = document.createElement('script');
          script.textContent = "document.title = 'broken'";
          document.body.append(script);
          const style = document.createElement('style');
          style.textContent = 'body { display: none }';
          document.body.append(style);
          document.body.setAttribute('style', 'opacity: 0.5');
          document.body.setAttribute('onclick', "document.title = 'broken'");
          document.body.click();
          const {display, opacity} = getComputedStyle(document.body);
          const found = [document.title, display, opacity];
          document.body.removeAttribute('style');
          return found;""")
        self.assertEqual(got, ["mxpath", "flex", "1"])
        got = self.driver.execute_async_script("""
          const done = arguments[0];
          fetch('http://127.0.0.2:1/').then(() => done('fetched'), () => done('refused'));""")
        self.assertEqual(got, "refused")
        said = " ".join(entry["message"] for entry in self.driver.get_log("browser"))
        self.assertIn("Content Security Policy", said)
        self.assertIn("connect-src", said)

    def test_markup_in_an_answer_and_its_report(self):
        self.send("evil")
        for summary in self.all("article summary"):
            if summary.is_displayed():
                summary.click()
        time.sleep(0.3)
        self.assert_harmless()
        self.assertGreater(self.one("#log").text.count("<img src=x onerror="), 10)
        links = [a.get_attribute("href") for a in self.all("article a")]
        self.assertEqual(links, ["http://foreign.example/a.png", "https://bad.example/"])
        self.assertEqual(
            self.all("article a")[1].text, "https://bad.example/", "a text that is an address does not hide another"
        )
        self.all("article.assistant .card textarea")[0].send_keys(EVIL)
        self.press("Send results")
        until(lambda: len(self.server.bodies) == 2)
        self.idle()
        self.assert_harmless()

    def test_markup_in_errors(self):
        self.send("evilerror")
        self.assertIn(EVIL, self.one("article.assistant").text)
        self.assert_harmless()

    def test_markup_in_a_question_and_settings(self):
        self.settings(system=EVIL, tools=json.dumps([{"type": "function", "function": {"name": EVIL}}]))
        self.send(f"plain {EVIL}")
        self.press("Edit", "article.user")
        self.press("Cancel", "article.user")
        self.assertIn(EVIL, self.one("article.user").text)
        self.assertIn("<img", self.one("#list").text)
        self.open()
        self.one("#open-settings").click()
        self.press("Cancel", "dialog")
        self.assert_harmless()

    def test_markup_in_the_model_the_plan_and_the_capacity(self):
        self.server.model["id"] = "gpt-oss" + EVIL
        self.server.capacity = {"fits": False, "why": EVIL}
        self.server.plan = self.spoilt(self.server.plan)
        self.open()
        self.one("#draft").send_keys("x")
        until(lambda: EVIL in self.one("#capacity").text)
        self.one("#tab-plan").click()
        until(lambda: self.all("#plan summary"))
        for summary in self.all("#plan summary"):
            summary.click()
        self.assertIn(EVIL, self.one("#plan").text)
        self.assert_harmless()

    def spoilt(self, value):
        """With markup behind every text that names nothing."""
        if isinstance(value, dict):
            return {name: self.spoilt(item) if name != "device" else item for name, item in value.items()}
        if isinstance(value, list):
            return [self.spoilt(item) for item in value]
        return value + EVIL if isinstance(value, str) else value

    def test_markup_in_a_file_and_in_storage(self):
        talk = {
            "id": "__proto__",
            "at": 1e99,
            "pick": "0",
            "nodes": [
                {
                    "role": "user",
                    "parent": -1,
                    "text": EVIL,
                    "__proto__": {"a": 1},
                    "calls": [EVIL, {"id": 5, "name": EVIL}],
                    "results": [{"text": EVIL}],
                },
                {
                    "role": "assistant",
                    "parent": 0,
                    "text": EVIL,
                    "reasoning": EVIL,
                    "state": EVIL,
                    "finish": EVIL,
                    "stats": {"rate": EVIL, "roof": 1e300, "first": -5},
                    "error": {"message": {"x": 1}, "param": [EVIL], "status": EVIL, "after": EVIL},
                    "report": {"paths": [{"site": {}, "path": []}], "warnings": EVIL},
                    "calls": [{"id": "a", "name": EVIL, "arguments": EVIL}],
                },
                {"role": "tool", "parent": 1, "results": [{"id": "b", "text": EVIL}, None]},
            ],
        }
        path = pathlib.Path(tempfile.mkdtemp()) / "file.json"
        path.write_text(json.dumps({"format": "mxpath conversations", "version": 1, "conversations": [talk]}))
        self.one("#file").send_keys(str(path))
        until(lambda: self.all("article.tool"))
        self.assert_harmless()
        self.run_js(
            "localStorage['mxpath.conversation.x'] = arguments[0]; localStorage['mxpath.conversation.y'] = '{'",
            json.dumps(talk),
        )
        self.run_js("localStorage['mxpath.settings'] = '[1'; localStorage['mxpath.language'] = arguments[0]", EVIL)
        self.open()
        self.assertEqual(len(self.all("#list li")), 2)
        self.all("#list button")[0].click()
        self.assertIn(EVIL, self.one("#log").text)
        self.assert_harmless()

    def test_texts_that_are_made_to_be_slow_or_deep(self):
        began = time.monotonic()
        self.send("hostile")
        self.assertIn("still here", self.one("article.assistant .body").text[-2000:])
        self.assertLess(time.monotonic() - began, 15)


if __name__ == "__main__":
    unittest.main()
