#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for a notebook server in hub_test.py: answers where JupyterHub looks for it, and writes what it sees into $SAID/USER.json."""
import http.server
import json
import os
import pathlib
import subprocess
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


seen = subprocess.run(["mig-workload", "info"], capture_output=True, text=True, check=False).stdout
user = os.environ["JUPYTERHUB_USER"]
place = pathlib.Path(os.environ["SAID"], f"{user}.json")
place.with_suffix(".new").write_text(json.dumps({"pid": os.getpid(), "visible": os.environ.get("CUDA_VISIBLE_DEVICES"), "seen": seen}), encoding="utf-8")
place.with_suffix(".new").rename(place)
address = urllib.parse.urlparse(os.environ["JUPYTERHUB_SERVICE_URL"])
http.server.ThreadingHTTPServer((address.hostname, address.port), Handler).serve_forever()
