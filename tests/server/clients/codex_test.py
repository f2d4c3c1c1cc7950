"""Requests to /v1/responses in the shape that Codex sends them."""

import json
import unittest

import httpx
from served import ServedTest

PATCH = 'start: "*** Begin Patch" LF "*** End Patch" LF?\nLF: "\\n"\n'
SHELL = {
    "type": "function",
    "name": "shell",
    "description": "Runs a command.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {
            "command": {"type": "array", "items": {"type": "string"}, "description": "The command."},
            "timeout_ms": {"type": "number"},
        },
        "required": ["command"],
        "additionalProperties": False,
    },
}


def text(role, words):
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": words}]}


def body(**more):
    return {
        "model": "demo",
        "instructions": "You are a coding agent.",
        "input": [
            text("developer", "<permissions>read-only</permissions>"),
            text("user", "<environment_context>\n  <cwd>/tmp</cwd>\n</environment_context>"),
            text("user", "What is 2 + 3?"),
        ],
        "tools": [
            SHELL,
            {"type": "local_shell"},
            {"type": "web_search", "external_web_access": False},
            {
                "type": "custom",
                "name": "apply_patch",
                "description": "Edits files.",
                "format": {"type": "grammar", "syntax": "lark", "definition": PATCH},
            },
            {
                "type": "namespace",
                "name": "mcp__files",
                "description": "Files.",
                "tools": [
                    {
                        "type": "function",
                        "name": "list",
                        "description": "Lists.",
                        "strict": False,
                        "parameters": {"type": "object", "properties": {}},
                    }
                ],
            },
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0198c0de-0000-7000-8000-000000000000",
        "client_metadata": {"x-codex-installation-id": "none"},
        **more,
    }


class Codex(ServedTest):
    def events(self, asked):
        headers = {"accept": "text/event-stream", "originator": "codex_cli_rs", "session_id": "x"}
        with httpx.stream("POST", self.server.url + "/v1/responses", json=asked, headers=headers, timeout=60) as reply:
            reply.read()
        self.assertEqual(reply.status_code, 200, reply.text)
        self.warnings = reply.headers.get("x-mxpath-warnings", "")
        blocks = [block for block in reply.text.split("\n\n") if block and not block.startswith(":")]
        out = []
        for block in blocks:
            event, data = block.split("\n", 1)
            out.append(json.loads(data.removeprefix("data: ")))
            self.assertEqual(event.removeprefix("event: "), out[-1]["type"])
        self.assertEqual([event["sequence_number"] for event in out], list(range(len(out))))
        self.assertEqual(out[0]["type"], "response.created")
        return out

    def final(self, asked):
        last = self.events(asked)[-1]
        self.assertIn(last["type"], ("response.completed", "response.incomplete"))
        return last["response"]

    def test_the_first_turn(self):
        done = self.final(body(reasoning={"effort": "medium", "summary": "auto"}, max_output_tokens=1500))
        self.assertIn("reasoning", [item["type"] for item in done["output"]])
        for item in done["output"]:
            if item["type"] == "reasoning":
                self.assertIsNone(item["encrypted_content"])
                self.assertEqual(item["summary"], [])
        for word in ("local_shell", "web_search"):
            self.assertIn(word, self.warnings)

    def test_a_later_turn_with_what_codex_sends_back(self):
        call = {"type": "function_call", "name": "shell", "arguments": '{"command":["ls"]}', "call_id": "call_1"}
        history = [
            *body()["input"],
            {"type": "reasoning", "summary": [], "content": None, "encrypted_content": None},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "thought"}], "encrypted_content": None},
            {
                "type": "reasoning",
                "summary": [],
                "content": [{"type": "reasoning_text", "text": "I list."}],
                "encrypted_content": None,
            },
            call,
            {"type": "function_call_output", "call_id": "call_1", "output": "a.txt\n"},
            {
                "type": "custom_tool_call",
                "status": "completed",
                "call_id": "call_2",
                "name": "apply_patch",
                "input": "*** Begin Patch\n*** End Patch\n",
            },
            {"type": "custom_tool_call_output", "call_id": "call_2", "output": "Done"},
            {
                "type": "function_call",
                "name": "list",
                "namespace": "mcp__files",
                "arguments": "{}",
                "call_id": "call_3",
            },
            {"type": "function_call_output", "call_id": "call_3", "output": [{"type": "input_text", "text": "a.txt"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "One file."}]},
            text("user", "What is 2 + 3?"),
        ]
        done = self.final(body(input=history, max_output_tokens=800))
        self.assertTrue(done["output"])

    def test_a_forced_call_of_each_kind(self):
        for choice, kind in (
            ({"type": "function", "name": "shell"}, "function_call"),
            ({"type": "custom", "name": "apply_patch"}, "custom_tool_call"),
        ):
            done = self.final(body(tool_choice=choice, reasoning_budget=20, max_output_tokens=1500))
            calls = [item for item in done["output"] if item["type"].endswith("_call")]
            self.assertEqual([call["type"] for call in calls], [kind], done["output"])
            if kind == "custom_tool_call":
                self.assertRegex(calls[0]["input"], r"\A\*\*\* Begin Patch\n\*\*\* End Patch\n?\Z")
                continue
            if done["status"] == "completed":
                self.assertIsInstance(json.loads(calls[0]["arguments"])["command"], list)

    def test_only_a_wanted_tool_that_is_not_here_is_refused(self):
        for choice in ({"type": "web_search"}, {"type": "local_shell"}):
            reply = self.post("/v1/responses", body(tool_choice=choice))
            self.assertEqual(reply.status_code, 400, choice)
            self.assertTrue(reply.json()["error"]["param"].startswith("tool_choice"), reply.text)

    def test_probes(self):
        self.assertIn("demo", [model["name"] for model in self.server.get("/api/tags").json()["models"]])
        self.assertTrue(self.server.get("/api/version").json()["version"])
        self.assertTrue(self.server.get("/v1/models").json()["models"])
        for asked in (
            {"model": "demo", "input": [], "max_output_tokens": 1},
            {"model": "demo", "input": "", "max_output_tokens": 1},
        ):
            self.assertEqual(self.post("/v1/responses", asked).status_code, 200, asked)


if __name__ == "__main__":
    unittest.main()
