"""Keyboards, composition of Hangul, screen readers, both languages, narrow windows, dark colours, with pictures."""

import importlib.util
import pathlib
import time
import unittest

from browser import PageTest, set_width, until
from selenium.webdriver.common.keys import Keys

# The package is made for another driver of browsers; only its copy of axe is used.
(FOLDER,) = importlib.util.find_spec("axe_playwright_python").submodule_search_locations
AXE = (pathlib.Path(FOLDER) / "axe.min.js").read_text(encoding="utf-8")


class Axe(PageTest):
    """No finding of axe that is serious or critical, in any state, language, width and colour scheme."""

    def check(self, name):
        # The policy keeps even the test's script out, unless it runs without being an element.
        self.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE + ";0"})
        found = self.driver.execute_async_script(
            "const fail = (e) => arguments[0]({violations: [{id: String(e), impact: 'critical', nodes: []}]});"
            "axe.run().then(arguments[0], fail)"
        )
        bad = [
            (finding["id"], finding["impact"], [node["html"][:150] for node in finding["nodes"]])
            for finding in found["violations"]
            if finding["impact"] in ("serious", "critical")
        ]
        self.assertEqual(bad, [], name)
        wide = self.run_js("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        self.assertLessEqual(wide, 0, f"{name}: nothing sticks out")

    def talk(self):
        self.send("markdown")
        self.send("warned")
        self.send("hangul")
        self.send("tool")
        self.send("cut")
        self.one("#draft").send_keys("x")
        until(lambda: self.one("#capacity").text)
        for summary in self.all("article summary"):
            if summary.is_displayed():
                summary.click()

    def look(self, language, width, scheme):
        name = f"{language}-{width}-{scheme}"
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        set_width(self.driver, width)
        self.run_js("localStorage.clear(); localStorage['mxpath.language'] = arguments[0]", language)
        self.open()
        self.see(f"{name}-empty")
        self.talk()
        self.see(f"{name}-chat")
        self.run_js("document.querySelector('#log').scrollTop = 0")
        time.sleep(0.1)
        self.picture(f"{name}-chat-top")
        self.one("#open-settings").click()
        self.see(f"{name}-settings")
        self.one("#cancel").click()
        if width < 800:
            self.one("#side-switch").click()
            self.see(f"{name}-side")
            self.one("#side-close").click()
        self.one("#tab-plan").click()
        until(lambda: self.all("#plan table"))
        self.all("#plan summary")[5].click()
        self.see(f"{name}-plan")
        self.run_js("document.querySelector('#plan').scrollTop = 420")
        self.picture(f"{name}-plan-table")

    def see(self, name):
        self.picture(name)
        self.check(name)

    def test_english(self):
        self.look("en", 1280, "light")
        self.look("en", 360, "dark")

    def test_korean(self):
        self.look("ko", 1280, "dark")
        self.look("ko", 360, "light")

    def tearDown(self):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        super().tearDown()


class Keyboard(PageTest):
    def test_shift_enter_makes_a_line(self):
        self.one("#draft").send_keys("plain a", Keys.SHIFT + Keys.ENTER + Keys.NULL, "b")
        self.assertEqual(self.one("#draft").get_attribute("value"), "plain a\nb")
        self.assertEqual(self.server.bodies, [])
        self.one("#draft").send_keys(Keys.ENTER)
        self.idle()
        self.assertEqual(self.server.bodies[0]["messages"], [{"role": "user", "content": "plain a\nb"}])

    def test_nothing_is_sent_of_nothing(self):
        self.one("#draft").send_keys("   ", Keys.ENTER)
        self.assertEqual(self.all("article"), [])

    def press_key(self, key, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.driver.execute_cdp_cmd(
                "Input.dispatchKeyEvent", {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
            )

    def compose(self, text):
        self.driver.execute_cdp_cmd(
            "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
        )

    def test_the_enter_that_ends_a_syllable_does_not_send(self):
        self.run_js(
            "window.seen = []; document.addEventListener('keydown', (e) => seen.push([e.key, e.isComposing]), true)"
        )
        self.one("#draft").click()
        self.compose("안녀")
        self.compose("안녕")
        self.press_key("Enter", 13)
        self.assertEqual(self.run_js("return seen"), [["Enter", True]], "the browser composes")
        time.sleep(0.2)
        self.assertEqual(self.server.bodies, [])
        self.assertEqual(self.one("#draft").get_attribute("value"), "안녕")
        self.driver.execute_cdp_cmd("Input.insertText", {"text": "안녕"})
        self.press_key("Enter", 229)
        time.sleep(0.2)
        self.assertEqual(self.server.bodies, [], "Safari's Enter after the composition")
        self.press_key("Enter", 13)
        until(lambda: self.server.bodies)
        self.assertEqual(self.server.bodies[0]["messages"][0]["content"], "안녕")
        self.idle()

    def test_escape_that_ends_a_composition_does_not_stop(self):
        self.send("slow", wait=False)
        until(lambda: "three" in self.one("#log").text)
        self.one("#draft").click()
        self.compose("ㅎ")
        self.press_key("Escape", 27)
        time.sleep(0.3)
        self.assertTrue(self.one("#stop").is_displayed())
        self.driver.execute_cdp_cmd("Input.insertText", {"text": "하"})
        self.press_key("Escape", 27)
        self.idle()

    def test_everything_is_reached_by_tab_and_the_focus_is_seen(self):
        self.send("tool")
        wanted = {"tab-chat", "open-settings", "language", "new", "export", "import", "log", "draft", "send"}
        reached, outlines = set(), []
        for _ in range(40):
            self.driver.switch_to.active_element.send_keys(Keys.TAB)
            name, outline = self.run_js(
                "const e = document.activeElement; return [e.id, getComputedStyle(e).outlineStyle]"
            )
            reached.add(name)
            if name:
                outlines.append((name, outline))
        self.assertEqual(wanted - reached, set())
        self.assertEqual([name for name, outline in outlines if outline == "none"], [])

    def test_settings_close_with_escape_and_do_not_stop_the_answer(self):
        self.send("slow", wait=False)
        until(lambda: "three" in self.one("#log").text)
        self.one("#open-settings").click()
        self.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
        until(lambda: not self.one("#settings").is_displayed())
        self.assertTrue(self.one("#stop").is_displayed())
        self.one("#draft").send_keys(Keys.ESCAPE)
        self.idle()


class ScreenReader(PageTest):
    def test_sentences_are_said_as_they_come(self):
        self.run_js("""window.said = [];
          const hear = (change) => change.addedNodes.forEach((node) => said.push(node.textContent.trim()));
          new MutationObserver((changes) => changes.forEach(hear))
            .observe(document.querySelector('[aria-live=polite]'), {childList: true});""")
        self.send("plain")
        said = self.run_js("return said")
        self.assertEqual(said[0], "Answering…")
        self.assertRegex(said[1], r"^Answer number \d+ is plain\.$")
        self.assertEqual(said[2:], ["It has two sentences.", "The answer is complete."])
        self.send("cut")
        self.assertEqual(self.run_js("return said")[-1], "The connection was lost; the answer is incomplete.")
        self.assertEqual(self.one("#log").get_attribute("role"), "log")
        self.assertEqual(self.one("#log").get_attribute("aria-live"), "off", "else each token would be said")
        self.assertLess(len(self.all("#spoken p")), 8)

    def test_no_motion(self):
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
        )
        self.send("slow", wait=False)
        self.assertEqual(self.run_js("return document.getAnimations().length"), 0)
        self.one("#stop").click()
        self.idle()


class Language(PageTest):
    language = "ko"

    def test_the_language_of_the_browser_then_the_chosen_one(self):
        self.assertEqual(self.run_js("return document.documentElement.lang"), "ko")
        self.assertIn("컨텍스트 8,192토큰", self.one("#model").text)
        self.send("안녕 하세요")
        self.assertIn("추론: 12토큰", self.one("article.assistant").text)
        self.one('#language option[value="en"]').click()
        self.assertEqual(self.run_js("return document.documentElement.lang"), "en")
        self.assertIn("Reasoning: 12 tokens", self.one("article.assistant").text)
        self.open()
        self.assertEqual(self.run_js("return document.documentElement.lang"), "en")
        self.run_js("localStorage.clear()")

    def test_no_english_is_left(self):
        """Of the page's own words; the server's are marked as English."""
        self.send("warned")
        self.one("#open-settings").click()
        self.one("#cancel").click()
        self.one("#tab-plan").click()
        until(lambda: self.all("#plan table"))
        left = self.run_js("""
          const names = new RegExp('^(mxpath|Top-p|English|API|OpenAI|JSON|KV|GiB|ms|function|name|temperature|Shift|' +
            'Enter|gpt-oss-20b|cpu|cuda|f32|bf16|int8|mxfp4|rows|inputs|.*_.*)$');
          const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          const found = [];
          while (walk.nextNode()) {
            const parent = walk.currentNode.parentElement;
            if (parent.closest('script, style, svg, [lang=en], .body, .note, #list, #spoken, code, select')) continue;
            const {data} = walk.currentNode;
            const text = data.replace(/(norm|embed|attention|moe|head|experts_block|block)(\\.\\w+)?/g, '');
            const english = (text.match(/[A-Za-z][\\w-]+/g) || []).filter((word) => !names.test(word));
            found.push(...english.map((word) => word + ' in ' + data));
          }
          return found;""")
        self.assertEqual(left, [])


if __name__ == "__main__":
    unittest.main()
