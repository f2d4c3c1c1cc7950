"""Chat Completions by the openai client."""

import math
import threading
import unittest

from served import ServedTest, endless, user


class Whole(ServedTest):
    def ask(self, text="What is 348 + 276?", **more):
        return self.client.chat.completions.create(model="demo", messages=user(text), **more)

    def test_an_answer_has_content_reasoning_and_counts(self):
        reply = self.ask()
        message = reply.choices[0].message
        self.assertEqual(message.content, "348 + 276 = 624.")
        self.assertTrue(message.reasoning)
        self.assertNotIn("reasoning_content", message.model_extra)
        self.assertEqual(reply.choices[0].finish_reason, "stop")
        usage = reply.usage
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
        self.assertTrue(0 < usage.completion_tokens_details.reasoning_tokens < usage.completion_tokens)
        self.assertEqual(reply.object, "chat.completion")
        self.assertTrue(reply.system_fingerprint)

    def test_max_tokens_cuts_with_length(self):
        for name in ("max_tokens", "max_completion_tokens"):
            reply = self.ask(**{name: 5})
            self.assertEqual(reply.choices[0].finish_reason, "length")
            self.assertEqual(reply.usage.completion_tokens, 5)
        self.assertEqual(self.ask(max_tokens=9, max_completion_tokens=3).usage.completion_tokens, 3)

    def test_stop_is_of_visible_text_and_not_returned(self):
        reply = self.ask(stop=["= 62", "nowhere"])
        self.assertEqual(reply.choices[0].message.content, "348 + 276 ")
        self.assertEqual(reply.choices[0].finish_reason, "stop")

    def test_several_choices(self):
        reply = self.ask(n=4, temperature=2, seed=7)
        self.assertEqual([choice.index for choice in reply.choices], [0, 1, 2, 3])
        self.assertGreater(len({choice.message.content for choice in reply.choices}), 1)
        again = self.ask(n=4, temperature=2, seed=7)
        said = [(c.message.content, c.message.reasoning) for c in reply.choices]
        self.assertEqual(said, [(c.message.content, c.message.reasoning) for c in again.choices])

    def test_logprobs_are_of_the_visible_text(self):
        reply = self.ask(logprobs=True, top_logprobs=3)
        tokens = reply.choices[0].logprobs.content
        self.assertEqual(b"".join(bytes(t.bytes) for t in tokens).decode(), reply.choices[0].message.content)
        for token in tokens:
            self.assertEqual(len(token.top_logprobs), 3)
            self.assertTrue(all(top.logprob <= 0 and math.isfinite(top.logprob) for top in token.top_logprobs))
            # Greedy: the most likely token is the one that was taken.
            self.assertEqual(token.top_logprobs[0].token, token.token)
            self.assertLessEqual(sum(math.exp(top.logprob) for top in token.top_logprobs), 1.001)

    def test_history_is_kept(self):
        history = [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": [{"type": "text", "text": "What is "}, {"type": "text", "text": "2 + 3?"}]},
            {"role": "assistant", "content": "2 + 3 = 5.", "reasoning": "ones"},
            {"role": "system", "content": "Go on."},
            {"role": "user", "content": "What is 3 + 4?"},
        ]
        reply = self.client.chat.completions.create(model="demo", messages=history)
        self.assertIn("7", reply.choices[0].message.content)

    def test_effort_and_hidden_reasoning(self):
        for effort in ("minimal", "low", "medium", "high", "xhigh"):
            self.assertTrue(self.ask(reasoning_effort=effort).choices[0].message.content)
        none = self.ask(reasoning_effort="none")
        self.assertFalse((none.choices[0].message.model_extra or {}).get("reasoning"))
        hidden = self.ask(extra_body={"include_reasoning": False})
        self.assertFalse((hidden.choices[0].message.model_extra or {}).get("reasoning"))
        self.assertGreater(hidden.usage.completion_tokens_details.reasoning_tokens, 0)

    def test_a_report_and_warnings(self):
        reply = self.client.chat.completions.with_raw_response.create(
            model="demo", messages=user("hi"), extra_headers={"X-Mxpath-Report": "1", "X-Request-Id": "abc"}
        )
        self.assertIn("mxpath", reply.parse().model_extra)
        self.assertEqual(reply.headers["x-request-id"], "abc")
        warned = self.client.chat.completions.with_raw_response.create(
            model="demo", messages=user("hi"), reasoning_effort="xhigh"
        )
        self.assertTrue(warned.headers["x-mxpath-warnings"])

    def test_models(self):
        self.assertIn("demo", [model.id for model in self.client.models.list()])
        self.assertEqual(self.client.models.retrieve("demo").id, "demo")


class Streams(ServedTest):
    def ask(self, text="What is 348 + 276?", **more):
        return self.client.chat.completions.create(model="demo", messages=user(text), stream=True, **more)

    def test_the_order_of_the_chunks(self):
        chunks = list(self.ask(stream_options={"include_usage": True}))
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)
        first = chunks[0].choices[0].delta
        self.assertEqual((first.role, first.content), ("assistant", ""))
        kinds = []
        for chunk in chunks[1:-2]:
            delta = chunk.choices[0].delta.model_dump(exclude_none=True)
            self.assertEqual(len(delta), 1, "one kind of delta in a chunk")
            kinds.append(next(iter(delta)))
        self.assertEqual(kinds, sorted(kinds, key=["reasoning", "content"].index))
        self.assertEqual(chunks[-2].choices[0].finish_reason, "stop")
        self.assertEqual(chunks[-2].choices[0].delta.model_dump(exclude_none=True), {})
        self.assertEqual(chunks[-1].choices, [])
        self.assertGreater(chunks[-1].usage.completion_tokens, 0)
        self.assertTrue(all(chunk.usage is None for chunk in chunks[:-1]))

    def test_a_stream_says_what_the_whole_says(self):
        for more in ({}, {"stop": "276 ="}, {"max_tokens": 7}, {"temperature": 2, "seed": 3}):
            whole = self.client.chat.completions.create(model="demo", messages=user("What is 348 + 276?"), **more)
            text, reasoning, reason = "", "", None
            for chunk in self.ask(**more):
                delta = chunk.choices[0].delta
                text += delta.content or ""
                reasoning += (delta.model_extra or {}).get("reasoning") or ""
                reason = chunk.choices[0].finish_reason or reason
            message = whole.choices[0].message
            self.assertEqual(text, message.content or "", more)
            self.assertEqual(reasoning, (message.model_extra or {}).get("reasoning") or "", more)
            self.assertEqual(reason, whole.choices[0].finish_reason, more)

    def test_several_choices(self):
        texts = {}
        for chunk in self.ask(n=3, temperature=2, seed=5):
            choice = chunk.choices[0]
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
        whole = self.client.chat.completions.create(
            model="demo", messages=user("What is 348 + 276?"), n=3, temperature=2, seed=5
        )
        self.assertEqual(texts, {choice.index: choice.message.content or "" for choice in whole.choices})

    def test_the_stream_helper(self):
        with self.client.chat.completions.stream(model="demo", messages=user("What is 2 + 3?")) as stream:
            kinds = {event.type for event in stream}
            final = stream.get_final_completion()
        self.assertTrue({"chunk", "content.delta", "content.done"} <= kinds)
        self.assertEqual(final.choices[0].message.content, "2 + 3 = 5.")

    def test_the_headers_of_a_stream(self):
        reply = self.post("/v1/chat/completions", {"messages": user("hi"), "stream": True})
        self.assertTrue(reply.headers["content-type"].startswith("text/event-stream"))
        self.assertEqual(reply.headers["cache-control"], "no-cache")
        self.assertEqual(reply.headers["x-accel-buffering"], "no")
        self.assertTrue(reply.text.endswith("data: [DONE]\n\n"))


class Seeds(ServedTest):
    """The draws of a seed do not depend on what runs beside; --deterministic also keeps the arithmetic equal."""

    flags = ("--deterministic",)

    def draw(self):
        reply = self.client.chat.completions.create(
            model="demo", messages=user("Explain Hopper."), temperature=2, seed=11, max_tokens=120
        )
        message = reply.choices[0].message
        return message.content, (message.model_extra or {}).get("reasoning")

    def test_alone_and_beside_others(self):
        alone = self.draw()
        self.assertEqual(self.draw(), alone)
        others = [
            threading.Thread(target=self.post, args=("/v1/chat/completions", endless(800, f"What is {n}?")))
            for n in range(6)
        ]
        for other in others:
            other.start()
        beside = [self.draw() for _ in range(3)]
        for other in others:
            other.join()
        self.assertEqual(beside, [alone] * 3)

    def test_other_seeds_draw_otherwise(self):
        said = set()
        for seed in range(6):
            reply = self.client.chat.completions.create(
                model="demo", messages=user("Explain Hopper."), temperature=2, seed=seed, max_tokens=60
            )
            said.add(str(reply.choices[0].message))
        self.assertGreater(len(said), 1)


if __name__ == "__main__":
    unittest.main()
