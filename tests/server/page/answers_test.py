"""Answers: what is asked and shown; stop, regenerate, edit, tools."""

import json
import time
import unittest

from browser import PageTest, until
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


class Answers(PageTest):
    def test_an_answer_with_reasoning_and_speed(self):
        self.send("plain question")
        answer = self.one("article.assistant")
        self.assertRegex(answer.text, r"Answer number \d+ is plain\. It has two sentences\.")
        self.assertIn("Reasoning: 12 tokens", answer.text)
        self.assertNotIn("The user wants", answer.text, "reasoning is folded")
        answer.find_element(By.CSS_SELECTOR, ".reasoning summary").click()
        self.assertIn("The user wants something plain.", answer.text)
        for fact in (
            "488 tok/s",
            "41% of the roof, 1,191 tok/s",
            "first token after",
            "prompt 80 tokens, 64 of them cached",
        ):
            self.assertIn(fact, answer.text)
        width = self.run_js("return document.querySelector('.bar i').style.width")
        self.assertEqual(width, "41%")
        answer.find_elements(By.CSS_SELECTOR, "summary")[-1].click()
        for fact in ("4711", "prefix of 64 tokens", "moe_gate_up.cpu.avx2.mxfp4_f32"):
            self.assertIn(fact, answer.text)

    def test_what_is_asked(self):
        self.settings(
            system="Be brief.",
            effort="high",
            temperature="0.5",
            top_p="0.9",
            max_tokens="77",
            seed="0",
            tools='[{"type": "function", "function": {"name": "f"}}]',
        )
        self.send("plain one")
        self.send("plain two")
        body = self.server.bodies[-1]
        self.assertEqual([m["role"] for m in body["messages"]], ["system", "user", "assistant", "user"])
        self.assertNotIn("reasoning", body["messages"][2], "reasoning goes back to the server with calls only")
        del body["messages"]
        self.assertEqual(
            body,
            {
                "model": "gpt-oss-20b",
                "stream": True,
                "stream_options": {"include_usage": True},
                "reasoning_effort": "high",
                "temperature": 0.5,
                "top_p": 0.9,
                "max_completion_tokens": 77,
                "seed": 0,
                "tools": [{"type": "function", "function": {"name": "f"}}],
            },
        )

    def test_nothing_is_asked_that_was_not_set(self):
        self.send("plain")
        self.assertEqual(set(self.server.bodies[-1]), {"model", "messages", "stream", "stream_options"})

    def test_markdown(self):
        self.send("markdown")
        body = self.one("article.assistant .body")
        for selector, text in {
            "h3": "Title",
            "strong": "bold",
            "ul ul li": "inner",
            "ol > li pre": "ls -l",
            "blockquote": "quoted",
            "td code": "2",
            "p > code": "code",
        }.items():
            self.assertEqual(body.find_element(By.CSS_SELECTOR, selector).text, text)
        self.assertEqual(
            [a.get_attribute("href") for a in body.find_elements(By.TAG_NAME, "a")],
            ["https://example.org/a_(b)?c=1", "https://example.org/x"],
        )
        self.assertEqual(body.find_elements(By.TAG_NAME, "a")[0].get_attribute("rel"), "noopener noreferrer")
        self.assertIn("print('<b>hi</b>')", body.text)
        self.assertIn("snake_case stays, 2 * 3 * 4 too.", body.text)

    def test_hangul_whose_bytes_come_in_pieces(self):
        self.send("hangul")
        self.assertIn(
            "안녕하세요! mxpath는 gpt-oss를 실행합니다. 무엇을 도와드릴까요?", self.one("article.assistant .body").text
        )

    def test_stop_by_button_and_by_escape(self):
        for stop in (lambda: self.one("#stop").click(), lambda: self.one("#draft").send_keys(Keys.ESCAPE)):
            self.send("slow please", wait=False)
            until(lambda: "three" in self.texts("article.assistant")[-1])
            self.assertFalse(self.one("#send").is_displayed())
            stop()
            self.idle()
            last = self.all("article.assistant")[-1]
            self.assertIn("Stopped.", last.text)
            self.assertIn("one two three", last.text)
            self.assertEqual(self.run_js("return document.activeElement.id"), "draft", "typing goes on where it was")
        until(lambda: self.server.gone == 2, "the server to see that both are gone")

    def test_regenerate_keeps_the_first_answer(self):
        self.send("plain")
        first = self.one("article.assistant .body").text
        self.press("Regenerate")
        until(lambda: "2 of 2" in self.one("#log").text)
        self.idle()
        second = self.one("article.assistant .body").text
        self.assertNotEqual(first, second)
        self.assertEqual(len(self.server.bodies[-1]["messages"]), 1, "the first answer is not part of the question")
        self.one("button.earlier").click()
        self.assertEqual(self.one("article.assistant .body").text, first)
        self.one("button.later").click()
        self.assertEqual(self.one("article.assistant .body").text, second)
        self.one("button.later").click()
        self.assertEqual(self.one("article.assistant .body").text, second, "there is no later one")

    def test_edit_makes_a_branch(self):
        self.send("plain one")
        self.send("plain two")
        self.all("article.user")[0].find_element(By.CSS_SELECTOR, "button.idle").click()
        field = self.one(".edit textarea")
        self.assertEqual(field.get_attribute("value"), "plain one")
        field.send_keys(" changed", Keys.ENTER)
        until(lambda: len(self.server.bodies) == 3)
        self.idle()
        self.assertEqual(self.texts("article.user .body"), ["plain one changed"])
        self.assertEqual(len(self.server.bodies[-1]["messages"]), 1)
        self.one("button.earlier").click()
        self.assertEqual(self.texts("article.user .body"), ["plain one", "plain two"])
        self.open()
        self.all("#list button")[0].click()
        self.assertEqual(self.texts("article.user .body"), ["plain one", "plain two"], "the choice is kept")

    def test_edit_is_left_by_escape(self):
        self.send("plain one")
        self.press("Edit", "article.user")
        self.one(".edit textarea").send_keys("xyz", Keys.ESCAPE)
        self.assertEqual(self.texts("article.user .body"), ["plain one"])
        self.assertEqual(len(self.server.bodies), 1)

    def test_a_tool_call_and_its_result(self):
        self.settings(tools='[{"type": "function", "function": {"name": "get_weather"}}]')
        self.send("tool weather")
        card = self.one(".card")
        self.assertIn("Call of get_weather", card.text)
        self.assertEqual(json.loads(card.find_element(By.TAG_NAME, "pre").text), {"city": "서울", "days": 2})
        card.find_element(By.TAG_NAME, "textarea").send_keys("21 °C")
        self.press("Send results")
        until(lambda: "The tool said: 21 °C." in self.one("#log").text)
        self.idle()
        call, result = self.server.bodies[-1]["messages"][-2:]
        self.assertEqual(call["reasoning"].strip(), "I need the weather.")
        self.assertEqual(
            call["tool_calls"],
            [
                {
                    "id": "call_a",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city": "서울", "days": 2}'},
                }
            ],
        )
        self.assertEqual(result, {"role": "tool", "tool_call_id": "call_a", "content": "21 °C"})
        self.press("Edit", "article.tool")
        self.one("article.tool textarea").send_keys(", rain")
        self.press("Send results")
        until(lambda: "The tool said: 21 °C, rain." in self.one("#log").text)
        self.idle()

    def test_a_call_without_a_result_is_not_sent_again(self):
        self.send("tool weather")
        self.send("plain")
        self.assertEqual(self.server.bodies[-1]["messages"][1], {"role": "assistant", "content": "Let me look. "})

    def test_tools_that_are_no_tools_are_not_saved(self):
        for text in ("[", "{}", '[{"type": "function"}]', "[null]", '["f"]'):
            self.one("#open-settings").click()
            self.one("#s-tools").clear()
            self.one("#s-tools").send_keys(text)
            self.press("Save", "dialog")
            self.assertIn("an array is needed", self.one("#wrong").text, text)
            self.press("Cancel", "dialog")
        self.assertNotIn("tools", self.run_js("return localStorage['mxpath.settings'] || ''"))

    def test_two_conversations(self):
        self.send("plain one")
        self.press("New chat")
        self.send("plain two")
        self.assertEqual(len(self.all("#list li")), 2)
        self.all("#list li button")[2].click()
        self.assertEqual(self.texts("article.user .body"), ["plain one"])
        self.all("#list li button")[3].click()
        self.driver.switch_to.alert.accept()
        until(lambda: len(self.all("#list li")) == 1)
        self.assertEqual(self.texts("article"), [], "the conversation that was shown is gone")
        self.assertEqual(len(self.stored()), 1)

    def test_an_answer_goes_on_while_another_conversation_is_read(self):
        self.send("plain one")
        self.press("New chat")
        self.send("slow two", wait=False)
        until(lambda: "three" in self.one("#log").text)
        self.all("#list li button")[2].click()
        self.assertNotIn("three", self.one("#log").text)
        self.all("#list li button")[0].click()
        before = len(self.one("article.assistant .body").text)
        until(lambda: len(self.one("article.assistant .body").text) > before + 20, "more of the answer")
        self.one("#stop").click()
        self.idle()

    def test_a_deleted_conversation_stays_deleted(self):
        self.send("slow", wait=False)
        until(lambda: "three" in self.one("#log").text)
        self.all("#list li button")[1].click()
        self.driver.switch_to.alert.accept()
        self.idle()
        self.assertEqual(self.stored(), [])

    def test_the_end_is_followed_until_the_reader_scrolls_away(self):
        self.send("long")
        at_end = "const l = document.querySelector('#log'); return l.scrollHeight - l.scrollTop - l.clientHeight"
        self.assertLess(self.run_js(at_end), 5)
        self.run_js("document.querySelector('#log').scrollTop = 0")
        time.sleep(0.1)
        self.press("Regenerate")
        self.idle()
        self.send("slow", wait=False)
        until(lambda: "three" in self.texts("article.assistant")[-1])
        self.run_js("document.querySelector('#log').scrollTop = 0")
        time.sleep(0.4)
        self.assertEqual(self.run_js("return document.querySelector('#log').scrollTop"), 0)
        self.one("#stop").click()
        self.idle()


if __name__ == "__main__":
    unittest.main()
