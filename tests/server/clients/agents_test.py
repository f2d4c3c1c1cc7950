"""An agent with a function tool by openai-agents, over Chat Completions and over Responses."""

import asyncio
import typing
import unittest

import agents
import openai
from served import ServedTest

agents.set_tracing_disabled(True)


class Agents(ServedTest):
    def setUp(self):
        self.asked = []

    def agent(self, model, **settings):
        @agents.function_tool
        def weather(city: typing.Literal["Paris", "Seoul"], days: typing.Literal[1, 2]) -> str:
            """The weather of a city."""
            self.asked.append((city, days))
            return "What is 2 + 3?"

        return agents.Agent(
            name="helper",
            instructions="Be short.",
            tools=[weather],
            model=model,
            model_settings=agents.ModelSettings(extra_body={"reasoning_budget": 40}, max_tokens=1000, **settings),
        )

    def with_both(self, what):
        """Runs `what(model)` with the model of each API; a client belongs to one event loop."""

        async def run(kind):
            async with openai.AsyncOpenAI(base_url=self.server.url + "/v1", api_key="none") as client:
                await what(kind(model="demo", openai_client=client))

        for kind in (agents.OpenAIChatCompletionsModel, agents.OpenAIResponsesModel):
            with self.subTest(kind.__name__):
                asyncio.run(run(kind))

    def check(self, result):
        self.assertEqual(len(self.asked), 1)
        self.assertIn(self.asked.pop(), [(c, d) for c in ("Paris", "Seoul") for d in (1, 2)])
        kinds = [item.type for item in result.new_items]
        self.assertEqual(kinds.count("tool_call_item"), 1, kinds)
        self.assertLess(kinds.index("tool_call_item"), kinds.index("tool_call_output_item"))
        self.assertTrue(result.final_output)

    def test_a_tool_is_called_and_its_result_answered(self):
        async def run(model):
            agent = self.agent(model, tool_choice="required")
            self.check(await agents.Runner.run(agent, "The weather in Paris?", max_turns=3))

        self.with_both(run)

    def test_a_streamed_run(self):
        async def run(model):
            result = agents.Runner.run_streamed(self.agent(model, tool_choice="required"), "The weather?", max_turns=3)
            async for _ in result.stream_events():
                pass
            self.check(result)

        self.with_both(run)

    def test_several_turns(self):
        async def run(model):
            agent = self.agent(model, tool_choice="none")
            first = await agents.Runner.run(agent, "What is 2 + 3?")
            self.assertEqual(self.asked, [])
            history = [*first.to_input_list(), {"role": "user", "content": "What is 3 + 4?"}]
            second = await agents.Runner.run(agent, history)
            self.assertTrue(second.final_output)

        self.with_both(run)


if __name__ == "__main__":
    unittest.main()
