"""A server of the demo model for one test class, and what its metrics say."""

import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

import httpx
import openai

QUICK = bool(os.environ.get("QUICK"))
ROOT = pathlib.Path(os.environ["ROOT"])
WORK = pathlib.Path(os.environ["WORK"])
# Token ids of the demo model that end a message; without them an answer lasts until max_tokens.
ENDLESS = {"2040": -100, "2041": -100, "2044": -100, "2045": -100, "2047": -100}


class Server:
    """`mxpath serve` on a free port; `log` is what it printed."""

    def __init__(self, *flags, environment=None):
        self.log_path = WORK / f"server-{os.getpid()}-{time.monotonic_ns()}.log"
        command = [os.environ["PROGRAM"], "serve", "demo", "--port", "0", *flags]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
            )
        self.url = self._listening()
        self.port = int(self.url.rsplit(":", 1)[1])
        until(lambda: self.get("/health").status_code == 200, 30, "the model is loaded")

    def _listening(self):
        found = until(lambda: re.search(r"listening on (http://\S+)", self.log) or self.process.poll() is not None, 30)
        if found is True:
            raise RuntimeError(f"the server ended: {self.log}")
        return found.group(1)

    @property
    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def get(self, path):
        return httpx.get(self.url + path, timeout=10)

    def metric(self, name, **labels):
        """The value of one sample; 0 where there is none."""
        for line in self.get("/metrics").text.splitlines():
            if re.match(rf"{re.escape(name)}[{{ ]", line) and all(f'{k}="{v}"' in line for k, v in labels.items()):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def slots(self):
        return self.get("/slots").json()

    def pages_free(self):
        return self.metric("mxpath_pages", state="free")

    def idle(self, seconds=30):
        return until(
            lambda: (
                self.slots() == []
                and self.metric("vllm:num_requests_waiting") == 0
                and self.metric("mxpath_streams") == 0
            ),
            seconds,
            "nothing runs",
        )

    def stop(self, seconds=60):
        """Ends it and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
            if status == 0:
                self.log_path.unlink(missing_ok=True)
            return status
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def until(what, seconds=10, name="what was waited for"):
    """The first true value of `what()`."""
    end = time.monotonic() + seconds
    while True:
        try:
            value = what()
        except httpx.TransportError:
            value = None
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{seconds} s passed and not: {name}")
        time.sleep(0.02)


class ServedTest(unittest.TestCase):
    """Tests that share one server, started with `flags`, which must still be well when they end."""

    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.flags)
        cls.client = openai.OpenAI(base_url=cls.server.url + "/v1", api_key="none", max_retries=0, timeout=60)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        alive = cls.server.process.poll() is None
        status = cls.server.stop()
        if not alive or status != 0:
            raise AssertionError(f"the server ended with {status}, alive before: {alive}\n{cls.server.log}")

    def post(self, path, body, **more):
        return httpx.post(self.server.url + path, json=body, timeout=60, **more)


def user(text):
    return [{"role": "user", "content": text}]


def endless(tokens, text="What is 2 + 3?", **more):
    """A body of Chat whose answer has exactly so many tokens."""
    return {"messages": user(text), "max_tokens": tokens, "logit_bias": ENDLESS, **more}
