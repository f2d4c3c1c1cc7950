"""Streams of answers for the mock server.

Each script gives chunks (JSON), raw bytes, pauses in seconds, or None: the connection is cut.
"""

import itertools
import json

DONE = b"data: [DONE]\n\n"
REPORT = {
    "paths": [
        {"site": "attention.qkv", "path": "linear.cpu.avx2.bf16_f32"},
        {"site": "moe.gate_up", "path": "moe_gate_up.cpu.avx2.mxfp4_f32"},
    ],
    "roof_share": 0.41,
    "roof_tokens_per_second": 1191,
    "seed": 4711,
    "cached_tokens": 64,
    "cache": "prefix of 64 tokens",
    "precision": "as stored",
    "warnings": [],
}
numbers = itertools.count(1)


def delta(**fields):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": fields, "finish_reason": None}],
    }


def end(finish="stop", reasoning=12, report=None):
    """The last chunks."""
    usage = {
        "prompt_tokens": 80,
        "completion_tokens": 40,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    timings = {
        "prompt_n": 16,
        "prompt_ms": 20.5,
        "predicted_n": 40,
        "predicted_ms": 82,
        "predicted_per_second": 487.8,
        "prompt_per_second": 780,
    }
    yield {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    yield {"choices": [], "usage": usage, "timings": timings, "mxpath": report or REPORT}
    yield DONE


def reason(text):
    for word in text.split(" "):
        yield delta(reasoning=word + " ")


def say(text, pause=0.0):
    for word in text.split(" "):
        yield delta(content=word + " ")
        if pause:
            yield pause


def plain(body):
    """Numbered, so that every answer differs."""
    yield delta(role="assistant", content="")
    yield from reason("The user wants something plain.")
    yield b": keepalive\n\n"
    yield from say(f"Answer number {next(numbers)} is plain. It has two sentences.")
    yield from end()


def slow(body):
    yield delta(role="assistant", content="")
    yield from reason("Slowly now.")
    yield from say("one two three four five six seven eight nine ten " * 60, 0.05)
    yield from end()


def markdown(body):
    text = (
        "# Title\n\nA **bold** word, `code` and [a link](https://example.org/a_(b)?c=1). "
        "Bare: https://example.org/x.\n\n"
        "- first\n- second\n  - inner\n\n1. one\n   ```sh\n   ls -l\n   ```\n2. two\n\n> quoted\n\n"
        "| a | b |\n|---|---|\n| 1 | `2` |\n\n```python\nprint('<b>hi</b>')\n```\n\nsnake_case stays, 2 * 3 * 4 too."
    )
    for at in range(0, len(text), 3):
        yield delta(content=text[at : at + 3])
    yield from end()


def hangul(body):
    """Each event comes in two parts, cut inside its syllable; lines end with CR LF."""
    yield from reason("사용자가 한국어로 물었습니다.")
    text = (
        "안녕하세요! **mxpath**는 gpt-oss를 실행합니다. 무엇을 도와드릴까요? "
        "각 연산의 경로는 계획 탭에서 볼 수 있습니다."
    )
    for letter in text:
        event = f"data: {json.dumps(delta(content=letter), ensure_ascii=False)}\r\n\r\n".encode()
        inside = event.index(json.dumps(letter, ensure_ascii=False).encode()) + 2
        yield event[:inside]
        yield 0.01
        yield event[inside:]
    yield from end()


def error_late(body):
    yield from say("This begins well")
    yield {
        "error": {
            "message": "path moe_gate_up.cpu.avx2 failed",
            "type": "server_error",
            "param": None,
            "code": "path_failed",
        }
    }


def cut(body):
    yield from say("This ends in the middle of")
    yield 0.3
    yield None


def unfinished(body):
    """The stream ends in good order, but without [DONE]."""
    yield from say("Half an answer")


def garbage(body):
    yield from say("Then")
    yield b"data: {not json\n\n"
    yield from say("nobody listens to this any more " * 20, 0.05)


def length(body):
    yield from say("As far as it goes")
    yield from end("length")


def tool(body):
    """A call first; an answer once the results are there."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        yield from say(f"The tool said: {last['content']}.")
        yield from end()
        return
    yield from reason("I need the weather.")
    yield delta(content="Let me look. ")
    yield delta(
        tool_calls=[
            {"index": 0, "id": "call_a", "type": "function", "function": {"name": "get_weather", "arguments": ""}}
        ]
    )
    for piece in ('{"city"', ': "서울",', ' "days": 2}'):
        yield delta(tool_calls=[{"index": 0, "function": {"arguments": piece}}])
    yield from end("tool_calls")


EVIL = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"


def evil(body):
    """Markup and foreign addresses in every field that the page shows."""
    yield from reason(EVIL)
    yield from say(
        f"{EVIL}\n\n[click](javascript:alert(1)) [data](data:text/html,x) **{EVIL}** `{EVIL}`\n\n"
        f"```{EVIL}\n{EVIL}\n```\n\n"
        f"| {EVIL} | b |\n|---|---|\n| {EVIL} | 2 |\n\n- {EVIL}\n\n"
        "![picture](http://foreign.example/a.png) [https://good.example](https://bad.example/)\n"
    )
    yield delta(
        tool_calls=[{"index": 0, "id": EVIL, "type": "function", "function": {"name": EVIL, "arguments": EVIL}}]
    )
    report = {
        "paths": [{"site": EVIL, "path": EVIL}],
        "roof_share": EVIL,
        "roof_tokens_per_second": EVIL,
        "seed": EVIL,
        "cache": EVIL,
        "precision": {"a": EVIL},
        "warnings": [EVIL, {"x": EVIL}, None],
    }
    yield from end("tool_calls", report=report)


def hostile(body):
    """Texts that make careless readers of Markdown slow or deep."""
    for text in (
        "[" * 20000,
        "*a " * 20000,
        "`" * 9 + "x" + " ` ``" * 5000,
        "> " * 3000 + "x",
        "|" * 20000 + "\n|-|",
        "- " * 3000 + "x",
        "\n".join("  " * i + "- x" for i in range(300)),
        "~~~" + "~" * 20000,
        "1. " * 2000,
    ):
        yield delta(content="\n\n" + text + "\n\n")
    yield delta(content="\n\nstill here")
    yield from end()


def long(body):
    for i in range(400):
        yield delta(content=f"Paragraph {i} of a long answer, with **bold** text and `code` in it.\n\n")
    yield from end()


def warned(body):
    yield from say("With a warning.")
    yield from end(report={**REPORT, "warnings": ["reasoning_effort minimal was taken as low"]})


#: By the first word of the message; an object is an error before the stream.
SCRIPTS = {
    "plain": plain,
    "slow": slow,
    "markdown": markdown,
    "hangul": hangul,
    "안녕": hangul,
    "error": error_late,
    "cut": cut,
    "unfinished": unfinished,
    "garbage": garbage,
    "length": length,
    "tool": tool,
    "evil": evil,
    "hostile": hostile,
    "long": long,
    "warned": warned,
    "toolong": {
        "status": 400,
        "message": "maximum context length is 8192 tokens",
        "code": "context_length_exceeded",
        "param": "messages",
    },
    "full": {"status": 429, "message": "the queue is full", "code": "queue_full", "headers": {"Retry-After": "7"}},
    "evilerror": {"status": 400, "message": EVIL, "code": EVIL, "param": EVIL},
}
