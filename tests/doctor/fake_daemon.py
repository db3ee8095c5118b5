#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A daemon of another version, as far as `migctl doctor` asks it.

    fake_daemon.py SOCKET
"""
import json
import os
import socketserver
import sys
from http.server import BaseHTTPRequestHandler

ERROR = {"apiVersion": "migctl/v1", "kind": "Error", "simulated": True, "simulatedMachine": "box", "code": "conflict", "exitCode": 11,
         "message": "the daemon is migctl 9.9.9, this is another", "hint": "restart migd after an update", "context": [], "nvml": None}


class Handler(BaseHTTPRequestHandler):
    """Refuses readings by version."""

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):  # noqa: N802  pylint: disable=invalid-name
        self.answer(200, {"apiVersion": "migctl/v1", "kind": "LeaseQueue", "simulated": True, "queue": [], "others": 0})

    def do_POST(self):  # noqa: N802  pylint: disable=invalid-name
        self.answer(409, ERROR)

    def address_string(self):
        return "client"

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """HTTP on a UNIX socket."""
    daemon_threads = True


if __name__ == "__main__":
    if os.path.exists(sys.argv[1]):
        os.unlink(sys.argv[1])
    with Server(sys.argv[1], Handler) as server:
        server.serve_forever()
