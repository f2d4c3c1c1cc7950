"""Errors as the openai client raises them, its retries, keys, and clients that go away."""

import concurrent.futures
import time
import unittest

import httpx
import openai
from served import Server, ServedTest, endless, until, user


class Refusals(ServedTest):
    def refused(self, kind=openai.BadRequestError, **body):
        body = {"model": "demo", "messages": user("hi"), **body}
        with self.assertRaises(kind) as caught:
            self.client.post("/chat/completions", body=body, cast_to=object)
        return caught.exception

    def test_the_field_is_named(self):
        for body, param in (
            ({"temperature": -1}, "temperature"),
            ({"temperature": "1"}, "temperature"),
            ({"n": 17}, "n"),
            ({"max_tokens": 0}, "max_tokens"),
            ({"stream": "true"}, "stream"),
            ({"stop": [""]}, "stop[0]"),
            ({"messages": []}, "messages"),
            ({"messages": [{"role": "nobody", "content": "x"}]}, "messages[0].role"),
            ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].type"),
            ({"messages": [{"role": "user"}]}, "messages[0].content"),
            ({"functions": [{"name": "f"}]}, "functions"),
            ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ):
            with self.subTest(param):
                error = self.refused(**body)
                self.assertEqual(error.param, param)
                self.assertEqual(error.type, "invalid_request_error")
                self.assertTrue(error.body["message"])

    def test_too_long(self):
        for stream in (False, True):
            error = self.refused(messages=user("1 " * 5000), stream=stream)
            self.assertEqual(error.code, "context_length_exceeded")
            self.assertIn("maximum context length is 4096 tokens", error.body["message"])
            self.assertEqual(error.body["n_ctx"], 4096)
            self.assertGreater(error.body["n_prompt_tokens"], 4096)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.responses.create(model="demo", input="1 " * 5000, stream=True)
        self.assertEqual(caught.exception.code, "context_length_exceeded")

    def test_an_answer_ends_where_the_context_does(self):
        reply = self.client.chat.completions.create(model="demo", **{**endless(4000), "max_tokens": 100000})
        self.assertEqual(reply.choices[0].finish_reason, "length")
        self.assertLessEqual(reply.usage.total_tokens, 4096)

    def test_another_model(self):
        error = self.refused(openai.NotFoundError, model="gpt-none")
        self.assertEqual(error.code, "model_not_found")
        self.assertIn("demo", error.body["message"])
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("gpt-none")

    def test_paths_methods_and_types(self):
        url = self.server.url
        self.assertEqual(httpx.get(url + "/v1/nothing").status_code, 404)
        wrong = httpx.get(url + "/v1/chat/completions")
        self.assertEqual((wrong.status_code, "POST" in wrong.headers.get("allow", "")), (405, True))
        for content, kind, status in (
            (b"{}", "text/plain", 415),
            (b"{", "application/json", 400),
            (b'{"a":1,"a":2}', "application/json", 400),
            (b"[" * 100000, "application/json", 400),
            (b'{"messages":[{"role":"user","content":"\\ud800"}]}', "application/json", 400),
            (b"\xff", "application/json", 400),
            (b"", "application/json", 400),
        ):
            reply = httpx.post(url + "/v1/chat/completions", content=content, headers={"content-type": kind})
            self.assertEqual(reply.status_code, status, content[:40])
            self.assertIn("message", reply.json()["error"])
        reply = httpx.post(
            url + "/v1/chat/completions", content=b" " * (17 << 20), headers={"content-type": "application/json"}
        )
        self.assertEqual(reply.status_code, 413)

    def test_foreign_origins_and_hosts(self):
        url = self.server.url + "/v1/models"
        self.assertEqual(httpx.get(url, headers={"host": "evil.example"}).status_code, 403)
        self.assertEqual(httpx.get(url, headers={"origin": "https://evil.example"}).status_code, 403)
        self.assertEqual(httpx.get(url, headers={"origin": self.server.url}).status_code, 200)


class FullQueue(ServedTest):
    flags = ("--max-queue", "1", "--sequences", "1")

    def fill(self, pool, tokens):
        """One answer that runs and one that waits."""
        first = pool.submit(self.post, "/v1/chat/completions", endless(tokens))
        # Before it runs it fills the queue itself, and the second would be refused.
        until(lambda: self.server.metric("vllm:num_requests_running") == 1)
        return [first, pool.submit(self.post, "/v1/chat/completions", endless(tokens))]

    def test_a_full_queue_is_429_and_a_retry_gets_in(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            slow = self.fill(pool, 3500)
            until(lambda: self.server.metric("vllm:num_requests_waiting") == 1)
            with self.assertRaises(openai.RateLimitError) as caught:
                self.client.chat.completions.create(model="demo", messages=user("hi"))
            wait = float(caught.exception.response.headers["retry-after"])
            self.assertTrue(0 < wait <= 60, wait)
            # The answers before it are longer than the server takes answers to be, and others may load this machine.
            patient = self.client.with_options(max_retries=100)
            reply = patient.chat.completions.create(model="demo", messages=user("What is 2 + 3?"))
            self.assertEqual(reply.choices[0].message.content, "2 + 3 = 5.")
            self.assertEqual([one.result().status_code for one in slow], [200, 200])

    def test_a_timeout_of_the_client_frees_its_place(self):
        before = sum(self.server.metric("mxpath_cancelled_total", phase=p) for p in ("queue", "prefill", "decode"))
        with self.assertRaises(openai.APITimeoutError):
            self.client.with_options(timeout=0.5).chat.completions.create(model="demo", **endless(3900))
        self.server.idle(1)
        after = sum(self.server.metric("mxpath_cancelled_total", phase=p) for p in ("queue", "prefill", "decode"))
        self.assertEqual(after, before + 1)

    def test_a_closed_stream_ends_its_answer(self):
        with self.client.chat.completions.create(model="demo", stream=True, **endless(3900)) as stream:
            for _, chunk in zip(range(20), stream):
                self.assertTrue(chunk.choices)
        start = time.monotonic()
        self.server.idle(1)
        self.assertLess(time.monotonic() - start, 1)


class Keys(ServedTest):
    flags = ("--api-key", "one", "--api-key", "two")

    def test_who_may_ask(self):
        for key, fine in (("one", True), ("two", True), ("none", False), ("on", False), ("onee", False)):
            client = self.client.with_options(api_key=key)
            if fine:
                self.assertTrue(client.models.list().data)
                continue
            with self.assertRaises(openai.AuthenticationError) as caught:
                client.chat.completions.create(model="demo", messages=user("hi"))
            self.assertEqual(caught.exception.code, "invalid_api_key")
        headers = {"x-api-key": "two"}
        self.assertEqual(httpx.get(self.server.url + "/v1/models", headers=headers).status_code, 200)

    def test_probes_need_no_key_and_the_log_has_none(self):
        for path in ("/health", "/livez", "/readyz"):
            self.assertEqual(self.server.get(path).status_code, 200)
        for path in ("/slots", "/props", "/v1/plan"):
            self.assertEqual(self.server.get(path).status_code, 401, path)

    def test_a_response_belongs_to_its_key(self):
        one, two = self.client.with_options(api_key="one"), self.client.with_options(api_key="two")
        reply = one.responses.create(model="demo", input="hi")
        self.assertEqual(one.responses.retrieve(reply.id).id, reply.id)
        with self.assertRaises(openai.NotFoundError):
            two.responses.retrieve(reply.id)
        with self.assertRaises(openai.NotFoundError):
            two.responses.create(model="demo", input="and?", previous_response_id=reply.id)

    def test_cached_prompts_are_not_shared(self):
        body = {"model": "demo", "messages": user("A long question of one user alone. " * 20), "max_tokens": 1}
        cached = []
        for key in ("one", "one", "two"):
            reply = self.client.with_options(api_key=key).chat.completions.create(**body)
            cached.append(reply.usage.prompt_tokens_details.cached_tokens)
        self.assertGreater(cached[1], 64)
        self.assertEqual(cached[2], 0)


class WrongStarts(unittest.TestCase):
    def test_a_taken_port_and_a_wrong_flag_end_it(self):
        server = Server()
        try:
            for flags in (("--port", str(server.port)), ("--max-queue", "-3")):
                with self.assertRaises(RuntimeError):
                    Server(*flags)
        finally:
            server.stop()


if __name__ == "__main__":
    unittest.main()
