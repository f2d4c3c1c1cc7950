"""The Responses API by the openai client."""

import json
import unittest

import openai
from served import ServedTest

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Seoul"]}, "days": {"enum": [1, 2, 3]}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
}


class Whole(ServedTest):
    def ask(self, text="What is 348 + 276?", **more):
        return self.client.responses.create(model="demo", input=text, **more)

    def test_an_answer(self):
        reply = self.ask()
        self.assertEqual(reply.output_text, "348 + 276 = 624.")
        self.assertEqual([item.type for item in reply.output], ["reasoning", "message"])
        self.assertEqual(reply.output[0].summary, [])
        self.assertEqual(reply.output[0].content[0].type, "reasoning_text")
        self.assertEqual(reply.status, "completed")
        self.assertGreater(reply.usage.output_tokens_details.reasoning_tokens, 0)

    def test_a_cut_answer_is_incomplete(self):
        reply = self.ask(max_output_tokens=16)
        self.assertEqual(reply.status, "incomplete")
        self.assertEqual(reply.incomplete_details.reason, "max_output_tokens")
        self.assertEqual(reply.usage.output_tokens, 16)

    def test_stored_responses_go_on(self):
        first = self.ask("What is 2 + 3?")
        self.assertEqual(self.client.responses.retrieve(first.id).output_text, first.output_text)
        items = list(self.client.responses.input_items.list(first.id))
        self.assertEqual(items[0].content[0].text, "What is 2 + 3?")
        second = self.ask("What is 3 + 4?", previous_response_id=first.id)
        self.assertEqual(second.previous_response_id, first.id)
        self.assertGreater(second.usage.input_tokens, first.usage.input_tokens)
        self.client.responses.delete(first.id)
        for ask in (
            lambda: self.client.responses.retrieve(first.id),
            lambda: self.client.responses.delete(first.id),
            lambda: self.client.responses.input_items.list(first.id),
        ):
            with self.assertRaises(openai.NotFoundError):
                ask()
        with self.assertRaises(openai.NotFoundError) as caught:
            self.ask("and?", previous_response_id=first.id)
        self.assertEqual(caught.exception.code, "previous_response_not_found")
        self.assertEqual(caught.exception.param, "previous_response_id")

    def test_what_is_not_stored_is_not_found(self):
        reply = self.ask(store=False)
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve(reply.id)

    def test_the_tool_loop(self):
        asked = self.ask(
            "The weather in Paris?", tools=[WEATHER], tool_choice="required", extra_body={"reasoning_budget": 20}
        )
        call = next(item for item in asked.output if item.type == "function_call")
        arguments = json.loads(call.arguments)
        self.assertIn(arguments["city"], ("Paris", "Seoul"))
        self.assertIn(arguments["days"], (1, 2, 3))
        answered = self.client.responses.create(
            model="demo",
            previous_response_id=asked.id,
            input=[{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}],
            max_output_tokens=200,
        )
        self.assertTrue(answered.output)
        by_hand = self.client.responses.create(
            model="demo",
            store=False,
            input=[
                {"role": "user", "content": "The weather in Paris?"},
                *[item.model_dump(exclude_none=True) for item in asked.output],
                {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"},
            ],
            max_output_tokens=200,
        )
        self.assertTrue(by_hand.output)

    def test_tokens_are_counted(self):
        counted = self.client.responses.input_tokens.count(model="demo", input="What is 348 + 276?")
        self.assertEqual(counted.input_tokens, self.ask().usage.input_tokens)

    def test_logprobs(self):
        reply = self.ask(include=["message.output_text.logprobs"], top_logprobs=2)
        logprobs = reply.output[-1].content[0].logprobs
        self.assertEqual("".join(token.token for token in logprobs), reply.output_text)
        self.assertEqual(len(logprobs[0].top_logprobs), 2)


class Streams(ServedTest):
    def test_the_events_in_order(self):
        events = list(self.client.responses.create(model="demo", input="What is 2 + 3?", stream=True))
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        kinds = [event.type.removeprefix("response.") for event in events]
        self.assertEqual(kinds[:2], ["created", "in_progress"])
        self.assertEqual(kinds[-1], "completed")
        shortened = [kind for at, kind in enumerate(kinds) if at == 0 or kinds[at - 1] != kind]
        self.assertEqual(
            shortened[2:-1],
            "output_item.added content_part.added reasoning_text.delta reasoning_text.done content_part.done "
            "output_item.done output_item.added content_part.added output_text.delta output_text.done "
            "content_part.done output_item.done".split(),
        )
        done = [event.item.id for event in events if event.type == "response.output_item.done"]
        self.assertEqual(done, [item.id for item in events[-1].response.output])
        self.assertEqual(events[-1].response.output_text, "2 + 3 = 5.")

    def test_the_stream_helper(self):
        with self.client.responses.stream(model="demo", input="What is 2 + 3?") as stream:
            text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
            final = stream.get_final_response()
        self.assertEqual(text, "2 + 3 = 5.")
        self.assertEqual(final.output_text, text)

    def test_a_cut_stream_is_incomplete(self):
        for cut in (1, 5, 30):
            events = list(
                self.client.responses.create(model="demo", input="What is 2 + 3?", stream=True, max_output_tokens=cut)
            )
            self.assertEqual(events[-1].type, "response.incomplete", cut)
            self.assertEqual(events[-1].response.incomplete_details.reason, "max_output_tokens")

    def test_a_streamed_call(self):
        with self.client.responses.stream(
            model="demo",
            input="The weather?",
            tools=[WEATHER],
            tool_choice={"type": "function", "name": "weather"},
            extra_body={"reasoning_budget": 20},
        ) as stream:
            events = list(stream)
            final = stream.get_final_response()
        pieces = "".join(e.delta for e in events if e.type == "response.function_call_arguments.delta")
        call = next(item for item in final.output if item.type == "function_call")
        self.assertEqual(pieces, call.arguments)
        json.loads(pieces)

    def test_a_finished_stream_is_stored(self):
        events = list(self.client.responses.create(model="demo", input="hi", stream=True))
        final = events[-1].response
        self.assertEqual(self.client.responses.retrieve(final.id).output_text, final.output_text)


class Custom(ServedTest):
    def test_a_custom_tool(self):
        with self.client.responses.stream(
            model="demo",
            input="Write it.",
            tools=[{"type": "custom", "name": "write", "description": "Writes a text."}],
            tool_choice="required",
            max_output_tokens=400,
            extra_body={"reasoning_budget": 20},
        ) as stream:
            events = list(stream)
        kinds = {event.type for event in events}
        self.assertIn(events[-1].type, ("response.completed", "response.incomplete"))
        self.assertIn("response.output_item.added", kinds)
        self.assertEqual(events[-1].response.output[-1].type, "custom_tool_call")


if __name__ == "__main__":
    unittest.main()
