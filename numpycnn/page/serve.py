"""Handing the page to a browser on this machine, as the camera wants it."""

from __future__ import annotations

import os
import sys
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ..checks import check_flag
from ..files import open_file, path_text, printable
from ..terminal import show

HEADERS = {
    "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "frame-ancestors 'none'",
}  # fmt: skip


def serve_page(path: str | os.PathLike, open_browser: bool = True) -> None:
    """Serve the one file on 127.0.0.1, which no other machine reaches, until Ctrl-C.

    Parameters
    ----------
    path : str or path
        What `write_page` wrote. It is read at each request: a page that was written again is new after a reload.
    open_browser : bool
        Open the browser with it; the address is printed in any case.

    Raises
    ------
    FileNotFoundError, OSError
        There is no such file, or it cannot be read.
    TypeError, ValueError
        `open_browser` is not a bool; or it is a pipe or a device.
    """
    check_flag(open_browser, "open_browser")
    with page_server(path) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        show(f"{printable(path)} is at {address} for this machine alone; Ctrl-C ends it")
        if open_browser:
            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            show("")


def page_server(path: str | os.PathLike) -> ThreadingHTTPServer:
    """Return a server for one file, on a free port."""
    file = Path(path_text(path))
    try:
        open_file(file).close()  # which refuses pipes
    except FileNotFoundError as error:
        shown = printable(file)
        raise FileNotFoundError(f"expected a page, but there is no file {shown}; write_page makes one") from error

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/":
                self.send_error(404)
                return
            try:
                content = file.read_bytes()
            except OSError as error:  # it was there when the server began
                self.send_error(404, explain=f"{printable(file)}: {error.strerror}")
                return
            self.send_response(200)
            for name, value in {**HEADERS, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of each request."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing of a browser that went away, either."""
            if not isinstance(sys.exception(), OSError):
                super().handle_error(request, client_address)

    return Server(("127.0.0.1", 0), Handler)
