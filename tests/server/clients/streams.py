"""A small asyncio client over plain sockets: many streams at once, some of which misbehave."""

import asyncio
import json
import socket
import struct
import time


def request(path, body=None, host="localhost", close=True):
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: {host}\r\n"
    if close:
        head += "Connection: close\r\n"
    data = b"" if body is None else json.dumps(body).encode()
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    return head.encode() + b"\r\n" + data


async def connect(port, client=0, receive_buffer=None):
    """A connection from 127.0.0.2, .3 …: an address may have so many."""
    sock = socket.socket()
    sock.setblocking(False)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.bind((f"127.0.0.{2 + client % 8}", 0))
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=sock, limit=1 << 20)


def reset(writer):
    """Closes as a killed client does: RST."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Answer:
    """What one stream said: status, text of its content, the reason of its end, whether it said [DONE]."""

    def __init__(self):
        self.status, self.content, self.reason, self.done, self.error = 0, "", None, False, None
        self.chunks, self.first, self.last, self.gap = 0, None, None, 0.0

    def take(self, line):
        if line.startswith(b"HTTP/1.1 "):
            self.status = int(line.split()[1])
        if not line.startswith(b"data: "):
            return
        data = line[6:].strip()
        if data == b"[DONE]":
            self.done = True
            return
        event = json.loads(data)
        if "error" in event:
            self.error = event["error"]
            return
        now = time.monotonic()
        if self.last is not None:
            self.gap = max(self.gap, now - self.last)
        self.first, self.last = self.first or now, now
        for choice in event["choices"]:
            self.chunks += 1
            self.content += choice["delta"].get("content") or ""
            self.reason = choice["finish_reason"] or self.reason


async def chat(port, body, client=0, kill_after=None):
    """One stream, read to its end or killed after so many chunks."""
    reader, writer = await connect(port, client)
    answer = Answer()
    try:
        writer.write(request("/v1/chat/completions", {"stream": True, **body}))
        while line := await reader.readline():
            answer.take(line)
            if kill_after is not None and answer.chunks >= kill_after:
                reset(writer)
                return answer
    finally:
        writer.close()
    return answer


async def trickle(port, body, client, seconds):
    """Reads a byte a second for so long, then is gone."""
    reader, writer = await connect(port, client, receive_buffer=4096)
    reader._limit = 1  # asyncio reads ahead otherwise
    writer.write(request("/v1/chat/completions", {"stream": True, **body}))
    end = time.monotonic() + seconds
    got = 0
    while time.monotonic() < end:
        got += len(await reader.read(1))
        await asyncio.sleep(1)
    reset(writer)
    return got


async def timed_get(port, path, until_event, client=0):
    """Asks again and again on one connection: milliseconds of each answer, and by how many this process woke late."""
    reader, writer = await connect(port, client)
    times, late, statuses = [], [], set()
    while not until_event.is_set():
        start = time.perf_counter()
        writer.write(request(path, close=False))
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length"))
        await reader.readexactly(length)
        times.append(1000 * (time.perf_counter() - start))
        statuses.add(int(head.split()[1]))
        slept = time.perf_counter()
        await asyncio.sleep(0.02)
        late.append(1000 * (time.perf_counter() - slept) - 20)
    writer.close()
    return times, late, statuses


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]
