"""A server on this machine whose paths are mirrors, each with its own way to misbehave."""

import gzip
import http.server
import struct

from generated_data import NAMES


class Handler(http.server.BaseHTTPRequestHandler):
    """The first part of the path chooses the behaviour, the last is the file's name."""

    def do_GET(self):
        behaviour, name = self.path.strip("/").split("/")
        self.server.requests.append(self.path)
        getattr(self, behaviour)((self.server.folder / name).read_bytes())

    def answer(self, body, status=200, length=None, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def good(self, data):
        self.answer(data, length=len(data))

    def no_length(self, data):
        self.answer(data)

    def together(self, data):
        if NAMES[0] in self.path:
            self.server.barrier.wait(timeout=60)  # until eight processes are here at once
        self.good(data)

    def moved(self, data):
        self.answer(b"", 302, Location=self.path.replace("moved", "good"))

    def missing(self, data):
        self.answer(b"<html>gone</html>", 404)

    def broken(self, data):
        self.answer(b"", 500)

    def page(self, data):
        self.answer(b"<!DOCTYPE html><html>This file has moved.</html>")

    def truncated(self, data):
        self.answer(data[:-20], length=len(data))

    def cut(self, data):
        self.answer(data[:-20])

    def wrong(self, data):
        self.answer(gzip.compress(gzip.decompress(data)[:-1] + b"\0"))

    def not_gzip(self, data):
        self.answer(b"\x1f\x8b" + bytes(100))

    def loop(self, data):
        self.answer(b"", 302, Location=self.path)

    def absurd_length(self, data):
        self.answer(data, length="many")

    def transfer_unpacked(self, data):
        self.answer(data, length=len(data), Content_Encoding="gzip")

    def transfer_bomb(self, data):
        self.answer(gzip.compress(bytes(2**21)), Content_Encoding="gzip")

    def bomb(self, data):
        """Valid, but a thousand times as large when unpacked: a gzip file may have many parts."""
        header = struct.pack(">HBB3i", 0, 8, 3, 512, 1024, 1024)
        self.answer(gzip.compress(header) + 512 * gzip.compress(bytes(2**20)))

    def bomb_behind_a_good_file(self, data):
        self.answer(data + 512 * gzip.compress(bytes(2**20)))

    def other_file(self, data):
        self.good((self.server.folder / f"{NAMES[3]}.gz").read_bytes())

    def hang_up(self, data):
        pass

    def no_http(self, data):
        self.wfile.write(data)

    def long_headers(self, data):
        self.send_response(200)
        self.send_header("X", "x" * 2**17)
        self.end_headers()

    def trickle_in_the_headers(self, data):
        self.wfile.write(b"HTTP/1.0 200 OK\r\n")
        while not self.server.stopping.wait(0.02):
            self.wfile.write(b"X")

    def endless_redirect(self, data):
        self.answer(b"", 302, Location=self.path.replace("endless_redirect", "missing"))
        while not self.server.stopping.is_set():
            self.wfile.write(bytes(2**16))

    def stall(self, data):
        self.answer(data[: len(data) // 2] + bytes(2**16), length=2**20)
        self.server.stopping.wait(60)

    def silent(self, data):
        self.server.stopping.wait(60)

    def trickle(self, data):
        self.answer(b"")
        while not self.server.stopping.wait(0.02):
            self.wfile.write(b"\0")

    def endless(self, data):
        self.answer(data)
        while not self.server.stopping.is_set():
            self.wfile.write(bytes(2**16))

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # clients that hang up in the middle are the point of these tests
