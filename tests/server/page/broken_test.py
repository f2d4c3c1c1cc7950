"""Streams that end badly, errors, servers that are gone."""

import pathlib
import signal
import socket
import subprocess
import sys
import unittest

from browser import PageTest, until


class Broken(PageTest):
    def last(self):
        return self.all("article.assistant")[-1].text

    def test_streams_that_end_badly(self):
        for script, said, kept in (
            ("error", "Error (path_failed): path moe_gate_up.cpu.avx2 failed", "This begins well"),
            ("cut", "The connection was lost", "in the middle of"),
            ("unfinished", "The connection was lost", "Half an answer"),
            ("garbage", "not JSON", "Then"),
            ("length", "reached its most tokens", "As far as it goes"),
        ):
            self.send(script)
            self.assertIn(said, self.last())
            self.assertIn(kept, self.last())
        self.send("plain")
        self.assertIn("two sentences", self.last(), "it goes on")

    def test_a_stream_that_is_no_use_is_left(self):
        self.send("garbage")
        until(lambda: self.server.gone == 1, "the server to see that nobody listens")

    def test_errors_before_the_stream(self):
        self.send("toolong")
        self.assertIn(
            "Error (400, context_length_exceeded, messages): maximum context length is 8192 tokens", self.last()
        )
        self.send("full")
        self.assertIn("Error (429, queue_full): the queue is full (try again in 7 s)", self.last())
        self.press("Try again")
        until(lambda: "2 of 2" in self.one("#log").text)
        self.idle()
        self.assertEqual(
            [m["role"] for m in self.server.bodies[-1]["messages"]], ["user", "user"], "empty answers are left out"
        )

    def test_warnings_are_shown(self):
        self.send("warned")
        self.assertIn("Warning: reasoning_effort minimal was taken as low", self.last())

    def test_the_model_is_loading(self):
        self.server.loading = True
        self.open(wait=False)
        until(lambda: "Loading the model" in self.one("#model").text)
        self.server.loading = False
        until(lambda: "gpt-oss-20b" in self.one("#model").text)

    def test_the_server_is_killed_in_the_middle(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, str(pathlib.Path(__file__).with_name("mock_server.py")), str(port)]
        server = subprocess.Popen(command)
        address = f"http://127.0.0.1:{port}/"
        self.addCleanup(server.kill)
        until(lambda: socket.create_connection(("127.0.0.1", port)).close() is None)
        self.driver.get(address)
        until(lambda: "gpt-oss" in self.one("#model").text)
        self.send("slow", wait=False)
        until(lambda: "three" in self.one("#log").text)
        server.send_signal(signal.SIGKILL)
        server.wait()
        self.idle()
        self.assertIn("The connection was lost; the answer is incomplete.", self.last())
        self.assertIn("one two three", self.last())
        self.send("plain after that")
        until(lambda: "The server cannot be reached." in self.last())
        again = subprocess.Popen(command)
        self.addCleanup(again.wait)
        self.addCleanup(again.kill)
        until(lambda: socket.create_connection(("127.0.0.1", port)).close() is None)
        until(lambda: "gpt-oss" in self.one("#model").text)
        self.press("Try again")
        until(lambda: "two sentences" in self.last())
        self.idle()

    def test_a_reload_in_the_middle_keeps_what_came(self):
        self.send("slow", wait=False)
        until(lambda: "three" in self.one("#log").text)
        self.open()
        self.all("#list button")[0].click()
        self.assertIn("one two three", self.last())
        self.assertIn("The connection was lost", self.last())


if __name__ == "__main__":
    unittest.main()
