"""Clients that go away while their request waits, is read, or is answered: nothing of it stays."""

import asyncio
import time
import unittest

from served import ServedTest, endless, until, user
from streams import connect, request, reset


class Cancel(ServedTest):
    flags = ("--sequences", "1", "--max-queue", "8")

    def counted(self, phase):
        return self.server.metric("mxpath_cancelled_total", phase=phase)

    def leave(self, path, body, when, how=reset):
        """Sends the body, waits for `when`, and is gone."""

        async def run():
            reader, writer = await connect(self.server.port)
            writer.write(request(path, body))
            await writer.drain()
            await asyncio.to_thread(when, reader)
            how(writer)
            writer.close()

        asyncio.run(run())

    def running(self, _=None):
        until(lambda: self.server.slots() != [], 5, "it runs")

    def test_while_it_is_answered(self):
        for path, body in (
            ("/v1/chat/completions", endless(3900)),
            ("/v1/chat/completions", endless(3900, stream=True)),
            ("/v1/chat/completions", endless(3000, n=4, stream=True)),
            ("/v1/completions", {"prompt": "1 2 3", "max_tokens": 3900, "logit_bias": endless(1)["logit_bias"]}),
        ):
            before = self.counted("decode")

            def decoding(_):
                self.running()
                time.sleep(0.2)

            self.leave(path, body, decoding)
            start = time.monotonic()
            self.server.idle(2)
            self.assertLess(time.monotonic() - start, 0.5, (path, body))
            self.assertGreaterEqual(self.counted("decode"), before + 1, (path, body))

    def test_by_a_plain_close_too(self):
        before = self.counted("decode")

        def decoding(_):
            self.running()
            time.sleep(0.2)

        self.leave("/v1/chat/completions", endless(3900), decoding, how=lambda writer: writer.close())
        self.server.idle(1)
        self.assertEqual(self.counted("decode"), before + 1)

    def test_while_it_waits(self):
        before = self.counted("queue")
        blocks, waits = endless(2500, stream=True), endless(3900)

        async def run():
            _, first = await connect(self.server.port)
            first.write(request("/v1/chat/completions", blocks))
            await first.drain()
            await asyncio.to_thread(self.running)
            others = [await connect(self.server.port) for _ in range(3)]
            for _, writer in others:
                writer.write(request("/v1/chat/completions", waits))
            await asyncio.to_thread(
                until, lambda: self.server.metric("vllm:num_requests_waiting") == 3, 5, "three wait"
            )
            for _, writer in others:
                reset(writer)
            await asyncio.to_thread(
                until, lambda: self.server.metric("vllm:num_requests_waiting") == 0, 1, "they are gone"
            )
            self.assertNotEqual(self.server.slots(), [], "the first runs on")
            reset(first)

        asyncio.run(run())
        self.server.idle(1)
        self.assertEqual(self.counted("queue"), before + 3)

    def test_while_its_prompt_is_read(self):
        before = self.counted("prefill")
        # A prompt is read in a few milliseconds here; among several tries one is met while it is read.
        for tries in range(60):
            text = f"{tries}" + " 7 x" * 1150
            delay = 0.01 + 0.01 * (tries % 30)
            self.leave("/v1/chat/completions", endless(50, text), lambda _, delay=delay: time.sleep(delay))
            self.server.idle(5)
            if self.counted("prefill") > before:
                break
        self.assertGreater(self.counted("prefill"), before)

    def test_it_is_whole_afterwards(self):
        reply = self.post("/v1/chat/completions", {"messages": user("What is 2 + 3?")})
        self.assertEqual(reply.json()["choices"][0]["message"]["content"], "2 + 3 = 5.")

    def test_half_a_request_is_forgotten(self):
        descriptors = self.server.descriptors()

        async def run():
            for part in (b"", b"POST /v1/chat/", request("/v1/chat/completions", endless(9))[:-5]):
                _, writer = await connect(self.server.port)
                writer.write(part)
                await asyncio.sleep(0.1)
                reset(writer)

        asyncio.run(run())
        until(lambda: self.server.descriptors() <= descriptors + 1, 2, "its descriptors are closed")
        self.assertEqual(self.server.slots(), [])


if __name__ == "__main__":
    unittest.main()
