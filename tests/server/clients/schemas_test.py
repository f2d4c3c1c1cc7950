"""Answers and arguments that must keep to a schema: the demo model knows neither, so the mask alone makes them."""

import enum
import json
import typing
import unittest

import jsonschema
import openai
import pydantic
from served import QUICK, ServedTest, user


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Point(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    x: typing.Literal[1, 2, 3]
    colour: Colour


class Answer(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    right: bool
    points: list[Point] = pydantic.Field(min_length=1, max_length=2)
    word: typing.Literal["yes", "no"] | None


ARGUMENTS = {
    "type": "object",
    "properties": {
        "city": {"enum": ["Paris", "Seoul"]},
        "when": {"anyOf": [{"type": "null"}, {"enum": ["now", "later"]}]},
        "days": {"type": "integer", "minimum": 1, "maximum": 9},
    },
    "required": ["city", "when", "days"],
    "additionalProperties": False,
}


def function(name, parameters=None, **more):
    return {"type": "function", "function": {"name": name, "parameters": parameters or ARGUMENTS, **more}}


TOOLS = [function("weather"), function("other", {"type": "object", "properties": {}, "additionalProperties": False})]


class Formats(ServedTest):
    def test_parse_of_chat(self):
        for text in ("What is 2 + 3?", "hi")[: 1 if QUICK else 2]:
            reply = self.client.chat.completions.parse(model="demo", messages=user(text), response_format=Answer)
            self.assertIsInstance(reply.choices[0].message.parsed, Answer)

    def test_parse_of_a_stream(self):
        with self.client.chat.completions.stream(
            model="demo", messages=user("What is 2 + 3?"), response_format=Answer
        ) as stream:
            for _ in stream:
                pass
            final = stream.get_final_completion()
        self.assertIsInstance(final.choices[0].message.parsed, Answer)

    def test_parse_of_responses(self):
        reply = self.client.responses.parse(model="demo", input="What is 2 + 3?", text_format=Answer)
        self.assertIsInstance(reply.output_parsed, Answer)

    def test_drawn_answers_keep_to_it_too(self):
        reply = self.client.chat.completions.create(
            model="demo",
            messages=user("What is 2 + 3?"),
            n=4 if QUICK else 16,
            temperature=2,
            seed=1,
            extra_body={"reasoning_budget": 20},
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": Answer.model_json_schema()},
            },
        )
        for choice in reply.choices:
            self.assertEqual(choice.finish_reason, "stop")
            Answer.model_validate_json(choice.message.content)

    def test_an_object_without_schema(self):
        reply = self.client.chat.completions.create(
            model="demo", messages=user("What is 2 + 3?"), response_format={"type": "json_object"}, max_tokens=2000
        )
        if reply.choices[0].finish_reason == "stop":
            self.assertIsInstance(json.loads(reply.choices[0].message.content), dict)
        else:
            self.assertTrue(reply.choices[0].message.content.lstrip().startswith("{"))

    def test_without_reasoning(self):
        reply = self.client.chat.completions.parse(
            model="demo", messages=user("What is 2 + 3?"), response_format=Answer, reasoning_effort="none"
        )
        self.assertIsInstance(reply.choices[0].message.parsed, Answer)

    def test_what_cannot_be_held_is_refused(self):
        for schema, word in (
            ({"type": "object", "properties": {"a": {"type": "number", "multipleOf": 3}}}, "multipleOf"),
            ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, "uniqueItems"),
            ({"$ref": "https://example.com/x"}, "$ref"),
        ):
            with self.assertRaises(openai.BadRequestError) as caught:
                self.client.chat.completions.create(
                    model="demo",
                    messages=user("hi"),
                    stream=True,
                    response_format={
                        "type": "json_schema",
                        "json_schema": {"name": "x", "strict": True, "schema": schema},
                    },
                )
            self.assertEqual(caught.exception.code, "invalid_schema")
            self.assertIn(word, str(caught.exception))
            self.assertTrue(caught.exception.param.startswith("response_format"))


class Tools(ServedTest):
    def ask(self, **more):
        more = {"extra_body": {"reasoning_budget": 20}, **more}
        return self.client.chat.completions.create(
            model="demo", messages=user("The weather?"), tools=TOOLS, max_tokens=2000, **more
        )

    def check(self, choice, names=("weather", "other")):
        self.assertIsNone(choice.message.content)
        self.assertEqual(len(choice.message.tool_calls), 1)
        call = choice.message.tool_calls[0]
        self.assertIn(call.function.name, names)
        schema = next(
            tool["function"]["parameters"] for tool in TOOLS if tool["function"]["name"] == call.function.name
        )
        jsonschema.validate(json.loads(call.function.arguments), schema)

    def test_required(self):
        reply = self.ask(tool_choice="required", n=2 if QUICK else 8, temperature=2, seed=3)
        for choice in reply.choices:
            self.assertEqual(choice.finish_reason, "tool_calls")
            self.check(choice)

    def test_required_without_reasoning(self):
        choice = self.ask(tool_choice="required", reasoning_effort="none").choices[0]
        self.assertEqual(choice.finish_reason, "tool_calls")
        self.check(choice)

    def test_named(self):
        for name in ("weather", "other"):
            choice = self.ask(tool_choice={"type": "function", "function": {"name": name}}).choices[0]
            self.check(choice, (name,))
            self.assertEqual(choice.finish_reason, "stop")  # as OpenAI answers a named choice

    def test_auto_and_none(self):
        for way in ("auto", "none"):
            choice = self.ask(tool_choice=way).choices[0]
            if choice.finish_reason == "tool_calls":
                self.assertEqual(way, "auto")
                self.check(choice)
            else:
                self.assertIsNone(choice.message.tool_calls)

    def test_a_streamed_call(self):
        name, arguments, ids, reason = "", "", set(), None
        for chunk in self.ask(tool_choice="required", stream=True):
            choice = chunk.choices[0]
            for call in choice.delta.tool_calls or []:
                name += call.function.name or ""
                arguments += call.function.arguments or ""
                ids |= {call.id} - {None}
            reason = choice.finish_reason or reason
        self.assertIn(name, ("weather", "other"))
        json.loads(arguments)
        self.assertEqual((len(ids), reason), (1, "tool_calls"))

    def test_a_parsed_call(self):
        with self.client.chat.completions.stream(
            model="demo",
            messages=user("The weather?"),
            tools=[openai.pydantic_function_tool(Answer, name="answer")],
            tool_choice="required",
            extra_body={"reasoning_budget": 20},
        ) as stream:
            for _ in stream:
                pass
            final = stream.get_final_completion()
        self.assertIsInstance(final.choices[0].message.tool_calls[0].function.parsed_arguments, Answer)

    def test_a_result_is_answered(self):
        first = self.ask(tool_choice="required").choices[0].message
        reply = self.client.chat.completions.create(
            model="demo",
            tools=TOOLS,
            tool_choice="none",
            messages=[
                *user("The weather?"),
                {"role": "assistant", "content": None, "tool_calls": [call.model_dump() for call in first.tool_calls]},
                {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "sunny"},
            ],
            max_tokens=300,
        )
        self.assertIsNone(reply.choices[0].message.tool_calls)

    def test_unknown_names_and_ids_are_refused(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.ask(tool_choice={"type": "function", "function": {"name": "nobody"}})
        self.assertTrue(caught.exception.param.startswith("tool_choice"))


if __name__ == "__main__":
    unittest.main()
