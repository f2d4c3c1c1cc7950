"""The plan, and the capacity before sending."""

import json
import os
import time
import unittest

from browser import PageTest, until
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


class Plan(PageTest):
    def show(self):
        self.one("#tab-plan").click()
        until(lambda: self.all("#plan table tr"), "the table")

    def row(self, text):
        return next(row for row in self.all("#plan tr") if text in row.text)

    def test_the_table(self):
        self.show()
        self.assertEqual(len(self.all("#plan tr")), 1 + 9 + 2)
        text = self.one("#plan").text
        for fact in (
            "36 layers",
            "a workstation, RTX 3090",
            "only 23.2 GiB is available",
            "42 GiB of 60 GiB",
            "does not fit",
            "13 tok/s answering",
            "moe.gate_up holds its weights as int8",
        ):
            self.assertIn(fact, text)
        row = self.row("moe_gate_up.cpu.avx2.int8_f32")
        for fact in ("24 × moe.gate_up", "int8_rows16", "stored as mxfp4", "with loss"):
            self.assertIn(fact, row.text)

    def test_refusals_unfold(self):
        self.show()
        row = self.row("moe_gate_up.cpu.avx2.int8_f32")
        self.assertNotIn("this CPU has no avx512", row.text)
        row.find_element(By.TAG_NAME, "summary").click()
        self.assertIn("refused.cpu.avx512.f32: needs avx2+fma+avx512; this CPU has no avx512", row.text)
        self.assertIn("slower.cpu.portable.f32: 3.1 times slower", row.text)

    def test_the_picture_has_the_shares(self):
        """Widths add up to the whole; a block that computes its parts takes their time over, another has none."""
        self.show()
        bars = self.all("#plan svg rect:not([fill])")
        widths = [float(bar.get_attribute("width")) for bar in bars]
        self.assertAlmostEqual(sum(widths), 1000, delta=0.5)
        gpu = 49 - 12  # norms of the layers whose experts the block computes are its own
        seconds = [3e-6, gpu * 2e-6, 24 * 1.5e-6, 36 * 7e-5, 36 * 4e-5, 24 * 1.8e-3, 24 * 9e-4, 2.7e-3, 12 * 1e-4]
        self.assertEqual(len(widths), len(seconds), "gate_up of the GPU is inside the block")
        for width, part in zip(widths, seconds):
            self.assertAlmostEqual(width, 1000 * part / sum(seconds), delta=0.01)
        self.assertEqual({bar.get_attribute("class") for bar in bars}, {"cpu", "gpu0"})
        self.assertEqual(len(self.all("#plan svg rect[fill]")), 2, "hatched: held with loss; rounds its inputs")
        self.assertIn("moe.gate_up 59%", self.one("#plan svg").get_attribute("aria-label"))

    def test_other_counts_of_tokens(self):
        self.show()
        self.assertIn("A step, 73 ms", self.one("#plan h2").text)
        self.assertEqual(self.texts("#plan option"), ["1", "2–15", "16–127", "128+"])
        self.all("#plan option")[3].click()
        until(lambda: "A step, 37,260" in self.one("#plan h2").text)
        self.assertEqual(self.run_js("return document.activeElement.tagName"), "SELECT")

    def test_a_plan_that_cannot_be_read(self):
        self.server.plan = {"error": "?"}
        self.one("#tab-plan").click()
        until(lambda: "The plan could not be read" in self.one("#plan").text)
        self.server.plan = None
        self.press("Reload")
        until(lambda: "The plan could not be read" in self.one("#plan").text)

    def test_tabs_by_keyboard(self):
        self.one("#tab-chat").send_keys(Keys.ARROW_RIGHT)
        self.assertEqual(self.run_js("return document.activeElement.id"), "tab-plan")
        self.assertTrue(self.one("#plan").is_displayed())
        self.assertFalse(self.one("#chat").is_displayed())
        self.one("#tab-plan").send_keys(Keys.ARROW_LEFT)
        self.assertTrue(self.one("#chat").is_displayed())

    @unittest.skipUnless(os.environ.get("PLAN"), "PLAN names no file with the output of `mxpath plan --json`")
    def test_a_plan_of_the_program(self):
        with open(os.environ["PLAN"], encoding="utf-8") as file:
            self.server.plan = json.load(file)
        self.show()
        plan = self.server.plan
        self.assertEqual(len(self.all("#plan tr")), 1 + len(plan["sites"]) + len(plan["blocks"]))
        widths = [float(bar.get_attribute("width")) for bar in self.all("#plan svg rect:not([fill])")]
        self.assertAlmostEqual(sum(widths), 1000, delta=0.5)
        self.assertNotIn("undefined", self.one("#plan").text)
        self.assertNotIn("NaN", self.one("#plan").text)


class Capacity(PageTest):
    def type(self, text):
        self.one("#draft").send_keys(text)

    def shown(self, text):
        until(lambda: text in self.one("#capacity").text, text)

    def test_it_is_shown_before_sending(self):
        self.settings(system="Be brief.", max_tokens="100")
        self.type("plain question")
        self.shown(
            "prompt 1,234 tokens, 1,000 of them cached · starts at once · first token in about 0.42 s · about 41 tok/s"
        )
        self.type(Keys.ENTER)
        until(lambda: self.server.bodies)
        self.assertEqual(self.server.capacity_bodies[-1], self.server.bodies[-1], "the same body")
        self.idle()
        self.assertEqual(self.one("#capacity").text, "")

    def test_one_question_for_many_keys(self):
        for key in "plain question":
            self.type(key)
        self.shown("prompt 1,234")
        self.assertLessEqual(len(self.server.capacity_bodies), 2)

    def test_a_queue(self):
        self.server.capacity |= {"queue_position": 3, "expected_wait_s": 12.4, "cached_tokens": 0}
        self.type("x")
        self.shown("prompt 1,234 tokens · number 3 in the queue, about 12 s")

    def test_what_does_not_fit(self):
        self.server.capacity = {"fits": False, "why": "needs 900 pages of 682"}
        self.type("x")
        self.shown("Does not fit: needs 900 pages of 682")

    def test_a_server_that_does_not_know_it(self):
        self.server.capacity = None
        self.type("x")
        until(lambda: self.server.capacity_bodies)
        time.sleep(0.2)
        self.assertEqual(self.one("#capacity").text, "")


if __name__ == "__main__":
    unittest.main()
