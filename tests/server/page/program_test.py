"""The page as `mxpath serve` sends it, with the demo model. PROGRAM names the program; without it all is skipped."""

import os
import re
import socket
import subprocess
import unittest
import urllib.request

from browser import PageTest, until
from mock_server import PAGE, policy_of

PROGRAM = os.environ.get("PROGRAM", "")


def can_serve():
    help_text = PROGRAM and subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=False).stdout
    return re.search(r"^\s+serve\b", help_text, re.MULTILINE)


@unittest.skipUnless(can_serve(), "PROGRAM names no mxpath that serves")
class Program(PageTest):
    """The server of the other tests' place is taken by a process."""

    def setUp(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        self.process = subprocess.Popen([PROGRAM, "serve", "demo", "--port", str(port)])
        until(
            lambda: self.process.poll() is not None or urllib.request.urlopen(self.url + "health").status == 200,
            "the server",
            60,
        )
        self.assertIsNone(self.process.poll(), "the server ended")
        self.requests()
        self.open()

    def tearDown(self):
        self.process.terminate()
        self.process.wait(60)

    def open(self, wait=True):
        self.driver.get(self.url)
        until(lambda: "tokens of context" in self.one("#model").text, "the model's name", 20)

    def test_the_page_comes_whole_with_its_policy(self):
        with urllib.request.urlopen(self.url) as reply:
            self.assertEqual(reply.read(), PAGE.read_bytes())
            policy = reply.headers["Content-Security-Policy"]
        parts = {part.split()[0]: part for part in policy.split("; ")}
        for part in policy_of(PAGE.read_text(encoding="utf-8")).split("; "):
            self.assertEqual(parts.get(part.split()[0]), part)

    def test_an_answer(self):
        self.settings(temperature="0")
        self.one("#draft").send_keys("Solve 7x + 12 = 61.")
        until(lambda: re.search(r"prompt [\d,]+ tokens", self.one("#capacity").text), "the capacity")
        self.send("")
        until(lambda: self.all("article.assistant .body"), "the answer")
        self.idle()
        answer = self.one("article.assistant").text
        self.assertIn("x = 7", answer)
        for fact in (r"tok/s", r"of the roof", r"first token after", r"prompt [\d,]+ tokens"):
            self.assertRegex(answer, fact)
        self.assertEqual(self.all(".note"), [])

    def test_the_plan(self):
        self.one("#tab-plan").click()
        until(lambda: self.all("#plan table"), "the plan")
        self.assertIn("moe.gate_up", self.one("#plan").text)

    def test_the_server_is_killed(self):
        self.process.kill()
        self.process.wait()
        self.send("Solve 7x + 12 = 61.")
        self.assertIn("The server cannot be reached.", self.one("article.assistant").text)


if __name__ == "__main__":
    unittest.main()
