"""What is kept, and where: the key, conversations in files."""

import json
import pathlib
import tempfile
import unittest

from browser import PageTest, until
from selenium.webdriver.common.keys import Keys


class Key(PageTest):
    key = "sk-secret"

    def test_the_key_is_asked_for_and_kept_in_the_tab_alone(self):
        self.open(wait=False)
        until(lambda: "wants an API key" in self.one("#model").text)
        self.send("plain", wait=False)
        until(lambda: self.one("#s-key").is_displayed(), "settings, opened at the key")
        self.assertEqual(self.run_js("return document.activeElement.id"), "s-key")
        self.one("#s-key").send_keys("sk-secret", Keys.ENTER)
        until(lambda: "gpt-oss-20b" in self.one("#model").text)
        self.press("Try again")
        until(lambda: "two sentences" in self.one("#log").text)
        self.idle()
        self.assertNotIn("sk-secret", self.run_js("return JSON.stringify(localStorage)"))
        self.assertIn("sk-secret", self.run_js("return JSON.stringify(sessionStorage)"))
        self.assertEqual(self.one("#s-key").get_attribute("type"), "password")

    def open(self, wait=False):
        super().open(wait)


class Files(PageTest):
    def test_export_and_import(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
        self.send("plain one")
        self.press("Regenerate")
        until(lambda: "2 of 2" in self.one("#log").text)
        self.idle()
        self.press("Export")
        file = until(lambda: next(folder.glob("*.json"), None), "the file")
        written = json.loads(file.read_text(encoding="utf-8"))
        self.assertEqual(len(written["conversations"][0]["nodes"]), 3)
        self.run_js("localStorage.clear()")
        self.open()
        self.one("#file").send_keys(str(file))
        until(lambda: "2 of 2" in self.one("#log").text)
        self.assertEqual(self.texts("article.user .body"), ["plain one"])
        (kept,) = self.stored()
        kept["id"] = written["conversations"][0]["id"]
        self.assertEqual(kept, written["conversations"][0])

    def test_files_that_are_no_conversations(self):
        node = {"role": "user", "parent": -1, "text": "x"}
        for nodes in (
            [{**node, "parent": 0}],
            [{**node, "parent": 1}, node],
            [{**node, "role": "system"}],
            [None],
            {},
            "x",
            [{**node, "parent": "0"}],
        ):
            self.give({"format": "mxpath conversations", "version": 1, "conversations": [{"nodes": nodes}]})
        for value in (
            {},
            [],
            None,
            {"format": "mxpath conversations", "conversations": []},
            {"conversations": [{"nodes": [node]}]},
        ):
            self.give(value)
        self.assertEqual(self.stored(), [])

    def give(self, value):
        path = pathlib.Path(tempfile.mkdtemp()) / "file.json"
        path.write_text(json.dumps(value))
        self.run_js("document.querySelector('#notice').hidden = true")
        self.one("#file").send_keys(str(path))
        until(lambda: "holds no conversations" in self.one("#notice").text, json.dumps(value))

    def test_a_full_storage_is_said(self):
        self.run_js("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }")
        self.send("plain")
        self.assertIn("storage of this browser is full", self.one("#notice").text)


if __name__ == "__main__":
    unittest.main()
