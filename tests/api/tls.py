#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS clients that are silent or slow delay nobody: others are answered meanwhile, and each is ended at its deadline, no later and no sooner.

Usage: tls.py BIN
"""
import socket
import ssl
import sys
import tempfile
import time

import client as frame
from client import expect, wait

HALF_OPEN = 50
OF_ADDRESS = 16  # http::Limits::handshakes_of_address
HANDSHAKE = 5.0  # http::Limits::handshake


def hello():
    """What a client sends first, and a part of it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def half_open(port, number, words):
    """Silent, or stuck within or after its first message."""
    begun = time.monotonic()
    client = socket.create_connection(("127.0.0.1", port), timeout=frame.PATIENCE)
    client.sendall((b"", words[:20], words)[number % 3])
    return begun, client


def answered(daemon, context):
    status, text, _ = daemon.ask("GET", "/v1/health", which="unix")
    expect(status in (200, 503) and "Health" in text, f"UNIX socket: {status} {text}")
    status, text, _ = daemon.ask("GET", "/metrics", context=context)
    expect(status == 200 and "mig_" in text, f"TLS: {status} {text[:200]}")


def ended(client):
    """Reads until the server closes, whatever it sends before."""
    try:
        while client.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


def is_open(client):
    client.setblocking(False)
    try:
        while True:
            if not client.recv(65536):
                return False
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    finally:
        client.settimeout(frame.PATIENCE)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mig-tls-") as folder:
        cert, key = frame.certificate(folder)
        daemon = frame.Daemon(sys.argv[1], folder, "--sample", "off", "--listen", "https:" "//127.0.0.1:0", "--tls-cert", str(cert),
                              "--tls-key", str(key))
        daemon.start()
        try:
            context, words = frame.trusting(cert), hello()
            answered(daemon, context)
            kept = daemon.connection(context=context)  # a client that is through is not one of them
            kept.request("GET", "/metrics")
            expect(kept.getresponse().read(), "no metrics")
            port = int(daemon.urls[0][2])
            held = [half_open(port, number, words) for number in range(HALF_OPEN)]
            for _ in range(10):
                answered(daemon, context)
            kept.request("GET", "/metrics")
            expect(kept.getresponse().status == 200, "a connection that was there before")
            # The oldest made room.
            wait("the oldest are ended", lambda: sum(is_open(client) for _, client in held) <= OF_ADDRESS)
            expect(not is_open(held[0][1]), "the oldest is there, and younger ones are not")
            lasted = []
            for begun, client in held:
                expect(ended(client), "a half-open connection is never ended")
                lasted.append(time.monotonic() - begun)
                client.close()
            # The last one was displaced by nobody but the two that were answered; nothing ends before its time.
            youngest = half_open(port, 0, words)
            expect(ended(youngest[1]) and time.monotonic() - youngest[0] >= HANDSHAKE, "ended before its time")
            answered(daemon, context)
        finally:
            daemon.stop()
    print(f"ok: {HALF_OPEN} half-open TLS connections delayed nobody, the last was ended after {max(lasted):.1f} s")
    return 0


if __name__ == "__main__":
    frame.end(main)
