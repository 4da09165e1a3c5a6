"""What hostile clients do to the server in `scripts/soak.sh`; whatever comes back is fine."""

from __future__ import annotations

import gzip
import json
import random
import socket
import struct
import time
from collections.abc import Callable

from serving_pipeline import HEADER

HOST = "Host: localhost"
POST = f"POST /prediction HTTP/1.1\r\n{HOST}\r\n"
BOMB = gzip.compress(b"0" * (80 * 2**20))
LARGE = (HEADER + "client,1,2,3\n" * 100_000).encode()
# Ids that JSON writes with six bytes for each of theirs: 67 KB that inflate to 65 MB, of which an answer in
# JSON would be 390 MB.
SIX_BYTE_IDS = gzip.compress((HEADER + f"{chr(1) * 65_000},1,2,3\n" * 1000).encode())
# How long one of them stays at most.
STAY_SECONDS = 8.0
# A file that requests may name, with many rows; `soak.py` makes it.
NAMED_FILE = "data/testdata/many_rows.csv"


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=STAY_SECONDS)


def post(body: bytes, *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in (*headers, f"Content-Length: {len(body)}"))
    return f"{POST}{lines}\r\n".encode() + body


def say(*requests: bytes) -> Callable[[int], None]:
    """Sends one of them and reads what comes."""

    def act(port: int) -> None:
        with connect(port) as stream:
            stream.sendall(random.choice(requests))
            stream.shutdown(socket.SHUT_WR)
            while stream.recv(65536):
                pass

    return act


def path(name: str) -> bytes:
    return post(json.dumps(name).encode(), "Content-Type: application/json")


def send_slowly(port: int) -> None:
    """A head or a body a byte at a time."""
    head = f"{POST}Content-Type: text/csv\r\nContent-Length: 5000\r\n\r\n".encode()
    cut = random.choice([5, len(head)])
    with connect(port) as stream:
        stream.sendall(head[:cut])
        end = time.monotonic() + STAY_SECONDS
        while time.monotonic() < end:
            stream.sendall(b"x")
            time.sleep(0.1)


def send_without_end(port: int) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with connect(port) as stream:
        stream.sendall(f"{POST}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(1000):
            stream.sendall(chunk)


def read_slowly(port: int) -> None:
    """Nothing of a large answer, or a byte now and then."""
    with connect(port) as stream:
        stream.sendall(post(LARGE, "Content-Type: text/csv"))
        end = time.monotonic() + STAY_SECONDS
        is_silent = random.random() < 0.5
        while time.monotonic() < end:
            if not is_silent and not stream.recv(1):
                return
            time.sleep(0.1)


def go_away(port: int) -> None:
    """With a reset, right after a request or in the middle of one."""
    request = post(LARGE, "Content-Type: text/csv")
    stream = connect(port)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.sendall(request[: random.choice([10, 1000, len(request)])])
    stream.close()


def slow_heads(port: int) -> None:
    """On connections that have had an answer, heads that come a byte at a time."""
    request = f"GET /livez HTTP/1.1\r\n{HOST}\r\n\r\n".encode()
    streams = [connect(port) for _ in range(20)]
    try:
        for stream in streams:
            stream.sendall(request)
            stream.recv(65536)
        end = time.monotonic() + STAY_SECONDS
        for byte in request * 100:
            if time.monotonic() > end:
                break
            for stream in streams:
                stream.sendall(bytes([byte]) if byte not in b"\r\n" else b"x")
            time.sleep(0.2)
    finally:
        for stream in streams:
            stream.close()


def abandon_work(port: int) -> None:
    """Work for seconds, ordered and left at once."""
    orders = [post(LARGE, "Content-Type: text/csv"), path(NAMED_FILE), path(NAMED_FILE)]
    for _ in range(20):
        with connect(port) as stream:
            stream.sendall(random.choice(orders))


def get_slowly(port: int) -> None:
    """Large pages, asked for many times on a connection with small buffers, and read a byte at a time."""
    page = random.choice(["/openapi.json", "/v1/risks", "/docs", "/"])
    request = f"GET {page} HTTP/1.1\r\n{HOST}\r\n\r\n".encode()
    with socket.socket() as stream:
        stream.settimeout(STAY_SECONDS)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.connect(("127.0.0.1", port))
        stream.sendall(request * 20)
        end = time.monotonic() + STAY_SECONDS
        while time.monotonic() < end and stream.recv(1):
            time.sleep(0.1)


def come_in_numbers(port: int) -> None:
    streams = [connect(port) for _ in range(100)]
    time.sleep(random.random())
    for stream in streams:
        stream.close()


ACTS: list[Callable[[int], None]] = [
    say(
        b"\r\n\r\n",
        b"NO REQUEST AT ALL\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00" * 100,
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        f"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode(),
        f"{POST}Content-Length: 18446744073709551615\r\n\r\n".encode(),
        f"{POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(),
    ),
    say(
        post(b"[" * 100_000),
        post(b'{"path":1}'),
        post(b"\xff\xfe" * 100),
        post((HEADER + '"unclosed' + "x" * 100_000).encode()),
        post((",".join(f"c{n}" for n in range(5000)) + "\n").encode()),
        post((HEADER + "a,NaN,1e999,0x10\n" * 1000).encode()),
        path("../../etc/passwd"),
        path("/proc/self/environ.csv"),
        path("data/testdata/../../config.json"),
    ),
    say(post(BOMB, "Content-Encoding: gzip", "Content-Type: text/csv")),
    say(
        post(SIX_BYTE_IDS, "Content-Encoding: gzip", "Content-Type: text/csv"),
        post(SIX_BYTE_IDS, "Content-Encoding: gzip", "Content-Type: text/csv", "Accept: text/csv"),
    ),
    slow_heads,
    abandon_work,
    get_slowly,
    send_slowly,
    send_without_end,
    read_slowly,
    go_away,
    come_in_numbers,
]
