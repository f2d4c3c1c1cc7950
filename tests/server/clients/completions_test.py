"""The old Completions by the openai client."""

import unittest

import openai
from served import ServedTest


class Completions(ServedTest):
    def ask(self, prompt="What is 2 + 3?", **more):
        return self.client.completions.create(model="demo", prompt=prompt, max_tokens=12, **more)

    def test_a_text(self):
        reply = self.ask()
        self.assertTrue(reply.choices[0].text)
        self.assertEqual(reply.object, "text_completion")
        self.assertLessEqual(reply.usage.completion_tokens, 12)

    def test_a_stream_says_the_same(self):
        streamed = "".join(c.choices[0].text for c in self.ask(stream=True) if c.choices)
        self.assertEqual(streamed, self.ask().choices[0].text)

    def test_several_prompts(self):
        reply = self.ask(["What is 2 + 3?", "Solve x + 1 = 3."], n=2, temperature=1, seed=1)
        self.assertEqual([choice.index for choice in reply.choices], [0, 1, 2, 3])

    def test_token_ids_are_the_text(self):
        ids = self.post("/tokenize", {"content": "What is 2 + 3?"}).json()["tokens"]
        self.assertEqual(self.ask(ids).choices[0].text, self.ask().choices[0].text)
        self.assertEqual(self.ask([ids, ids]).choices[1].text, self.ask().choices[0].text)
        self.assertEqual(self.post("/detokenize", {"tokens": ids}).json()["content"], "What is 2 + 3?")

    def test_echo(self):
        text = self.ask(echo=True).choices[0].text
        self.assertEqual(text, "What is 2 + 3?" + self.ask().choices[0].text)

    def test_logprobs(self):
        choice = self.ask(logprobs=2).choices[0]
        logprobs = choice.logprobs
        self.assertEqual("".join(logprobs.tokens), choice.text)
        self.assertEqual(len(logprobs.token_logprobs), len(logprobs.tokens))
        self.assertEqual(len(logprobs.top_logprobs), len(logprobs.tokens))
        self.assertTrue(all(value <= 0 for value in logprobs.token_logprobs))
        ends = [at + len(token) for at, token in zip(logprobs.text_offset, logprobs.tokens)]
        self.assertEqual(ends[:-1], logprobs.text_offset[1:])

    def test_logprobs_of_an_echo_are_refused_rather_than_left_out(self):
        with self.assertRaises(openai.BadRequestError):
            self.ask(echo=True, logprobs=2)

    def test_best_of(self):
        for more in ({}, {"temperature": 1, "seed": 1}, {"temperature": 1, "seed": 2}, {"n": 2}):
            with self.subTest(more):
                reply = self.ask(best_of=3, **more)
                self.assertEqual([choice.index for choice in reply.choices], list(range(more.get("n", 1))))
                for choice in reply.choices:
                    self.assertTrue(choice.text)
                    self.assertIn(choice.finish_reason, ("stop", "length"))

    def test_stop(self):
        whole = self.ask().choices[0].text
        middle = whole[3:5]
        self.assertEqual(self.ask(stop=middle).choices[0].text, whole[: whole.index(middle)])


if __name__ == "__main__":
    unittest.main()
