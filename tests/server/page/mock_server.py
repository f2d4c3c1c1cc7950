#!/usr/bin/env python3
"""A server for tests of the page: the endpoints of `mxpath serve` with scripted streams.

mock_server.py PORT [PAGE] runs it alone.
"""

import base64
import hashlib
import json
import pathlib
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from plan_for_test import plan_for_test
from scripts import SCRIPTS

PAGE = pathlib.Path(__file__).resolve().parents[3] / "src/server/page/index.html"


def hashes_of(page, tag):
    """The sources of a policy that allow the elements <tag> of a page: 'sha256-…' of what is between the tags."""
    texts = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts]


def policy_of(page):
    (script,) = hashes_of(page, "script")
    (style,) = hashes_of(page, "style")
    return f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; img-src data:"


class MockServer(ThreadingHTTPServer):
    """Tests read what was asked and set what is answered."""

    daemon_threads = True

    def __init__(self, port=0, page=PAGE, key=None):
        super().__init__(("127.0.0.1", port), Handler)
        self.page, self.key = pathlib.Path(page).read_text(encoding="utf-8"), key
        self.plan = plan_for_test()
        self.bodies, self.capacity_bodies, self.paths, self.gone = [], [], [], 0
        self.model = {"id": "gpt-oss-20b", "object": "model", "created": 1, "owned_by": "mxpath", "max_model_len": 8192}
        self.loading = False
        self.capacity = {
            "fits": True,
            "prompt_tokens": 1234,
            "cached_tokens": 1000,
            "pages_needed": 20,
            "pages_free": 600,
            "queue_position": 0,
            "expected_wait_s": 0,
            "expected_ttft_s": 0.42,
            "expected_tok_s": 41.3,
            "why": "",
        }

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def start(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def handle_error(self, request, client_address):
        pass  # clients that leave are part of the tests


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value, content_type="application/json", headers=None):
        data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": content_type, "Content-Length": len(data), **(headers or {})}.items():
            self.send_header(name, str(text))
        self.end_headers()
        self.wfile.write(data)

    def error(self, status, message, code=None, param=None, headers=None):
        value = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
        self.answer(status, value, headers=headers)

    def may(self):
        """Whether the request has the key, where one is needed."""
        if self.server.key is None or self.headers.get("Authorization") == f"Bearer {self.server.key}":
            return True
        self.error(401, "a key is needed", "invalid_api_key")
        return False

    def do_GET(self):
        self.server.paths.append(self.path)
        if self.path == "/":
            self.answer(
                200,
                self.server.page,
                "text/html; charset=utf-8",
                {
                    "Content-Security-Policy": policy_of(self.server.page),
                    "X-Content-Type-Options": "nosniff",
                    "Referrer-Policy": "no-referrer",
                },
            )
        elif self.path == "/health":
            self.answer(200, {"status": "ok"})
        elif self.path not in ("/v1/models", "/v1/plan"):
            self.error(404, "no such endpoint")
        elif not self.may():
            return
        elif self.server.loading:
            self.answer(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})
        elif self.path == "/v1/models":
            self.answer(200, {"object": "list", "data": [self.server.model]})
        else:
            self.answer(200, self.server.plan)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.paths.append(self.path)
        if not self.may():
            return
        if self.path == "/v1/capacity":
            self.server.capacity_bodies.append(body)
            if self.server.capacity is None:
                self.error(404, "no such endpoint")
            else:
                self.answer(200, self.server.capacity)
        elif self.path == "/v1/chat/completions":
            self.server.bodies.append(body)
            self.complete(body)
        else:
            self.error(404, "no such endpoint")

    def complete(self, body):
        """Runs the script that the first word of the last user message names, else "plain"."""
        asked = [message for message in body["messages"] if message["role"] == "user"][-1]["content"]
        script = SCRIPTS.get(asked.split()[0] if asked.split() else "", SCRIPTS["plain"])
        if isinstance(script, dict):
            self.error(**script)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for step in script(body):
                if isinstance(step, (int, float)):
                    time.sleep(step)
                elif step is None:  # cut: the connection ends inside the answer
                    self.close_connection = True
                    self.connection.shutdown(2)
                    return
                else:
                    self.chunk(step if isinstance(step, bytes) else f"data: {json.dumps(step)}\n\n".encode())
            self.chunk(b"")
        except OSError:
            self.server.gone += 1
            self.close_connection = True

    def chunk(self, data):
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


if __name__ == "__main__":
    MockServer(int(sys.argv[1]), *sys.argv[2:]).serve_forever()
