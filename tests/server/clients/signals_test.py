"""SIGTERM: idle, busy, with --drain over, and twice."""

import asyncio
import signal
import threading
import time
import unittest

import httpx
from served import Server, endless, until
from streams import chat


class Signals(unittest.TestCase):
    def start(self, *flags):
        self.server = Server(*flags)
        self.addCleanup(lambda: self.server.process.poll() is None and self.server.process.kill())
        return self.server

    def busy(self, tokens, count=1):
        """Streams that run; their answers are in the list when the thread ends."""
        answers = []

        async def run():
            answers.extend(await asyncio.gather(*(chat(self.server.port, endless(tokens), n) for n in range(count))))

        thread = threading.Thread(target=lambda: asyncio.run(run()))
        thread.start()
        until(lambda: len(self.server.slots()) == count, 5, "they run")
        return thread, answers

    def signal_and_wait(self, *times, number=signal.SIGTERM):
        """Signals after so many seconds each; the exit status and the seconds since the last one."""
        for pause in times:
            time.sleep(pause)
            self.server.process.send_signal(number)
        start = time.monotonic()
        return self.server.process.wait(40), time.monotonic() - start

    def test_idle(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            self.start()
            status, seconds = self.signal_and_wait(0, number=number)
            self.assertIn(status, (0, 130) if number == signal.SIGINT else (0,))
            self.assertLess(seconds, 2)

    def test_idle_with_an_open_connection(self):
        server = self.start()
        with httpx.Client(base_url=server.url) as client:
            self.assertEqual(client.get("/health").status_code, 200)
            status, seconds = self.signal_and_wait(0)
        self.assertEqual(status, 0)
        self.assertLess(seconds, 2)

    def test_busy_answers_end(self):
        self.start("--threads", "1")
        thread, answers = self.busy(3900, 4)
        status, _ = self.signal_and_wait(0)
        thread.join()
        self.assertEqual(status, 0)
        self.assertEqual([(a.done, a.reason, a.error) for a in answers], [(True, "length", None)] * 4)

    def test_probes_while_answers_end(self):
        server = self.start("--threads", "1")
        thread, answers = self.busy(3900, 4)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        # The process is well, so that nobody kills it, and takes no new work.
        seen = {}
        for path in ("/livez", "/readyz", "/health"):
            try:
                seen[path] = server.get(path).status_code
            except httpx.TransportError as error:
                seen[path] = type(error).__name__
        server.process.wait(40)
        thread.join()
        self.assertEqual([answer.done for answer in answers], [True] * 4)
        self.assertEqual(seen, {"/livez": 200, "/readyz": 503, "/health": 503})

    def test_busy_longer_than_drain(self):
        self.start("--threads", "1", "--drain", "1")
        thread, answers = self.busy(3900, 16)
        status, seconds = self.signal_and_wait(0.1)
        thread.join()
        self.assertEqual(status, 0)
        self.assertTrue(0.8 < seconds < 4, seconds)
        for answer in answers:
            self.assertFalse(answer.done)
            self.assertTrue(answer.error, "the stream is told why it ends")

    def test_the_second_one_ends_it_at_once(self):
        self.start("--threads", "1")
        thread, answers = self.busy(3900, 16)
        _, seconds = self.signal_and_wait(0.1, 0.2)
        thread.join()
        self.assertLess(seconds, 1.5)
        self.assertTrue(all(not answer.done for answer in answers))


if __name__ == "__main__":
    unittest.main()
