# SPDX-License-Identifier: Apache-2.0
"""The network of a cluster: a namespace of its own in which everything is on the loopback interface, so that ports are the
usual ones, nothing is heard outside, and two clusters never meet. Pods have no network (CNI is a plugin of a few lines).
"""

import fcntl
import json
import os
import pathlib
import select
import socket
import struct
import threading

SERVICES = "10.96.0.0/24"
API_ADDRESS, API_PORT = "10.96.0.1", 443  # of the service `kubernetes`, so that clients in pods find it without kube-proxy
SERVER = f"https://{API_ADDRESS}:{API_PORT}"
SET_FLAGS, GET_FLAGS, SET_ADDRESS, SET_MASK = 0x8914, 0x8913, 0x8916, 0x891C  # SIOCSIFFLAGS and so on, <linux/sockios.h>
UP = 1

# Answers every ADD as if the pod had an interface: what CRI wants to know is an address.
CNI_PLUGIN = """#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
case "$CNI_COMMAND" in
  VERSION) printf '{"cniVersion":"1.0.0","supportedVersions":["0.3.1","0.4.0","1.0.0"]}' ;;
  ADD) printf '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"%s"}],"ips":[{"address":"%s/32","interface":0}]}' \\
    "$CNI_NETNS" "ADDRESS" ;;
esac
"""


def node_address(number):
    """An address outside of 127/8, which a kubelet refuses to announce."""
    return f"172.30.0.{number}"


def add_address(number, address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for what, value in ((SET_ADDRESS, address), (SET_MASK, "255.255.255.255")):
            sockaddr = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(control, what, struct.pack("16s16s", f"lo:{number}".encode(), sockaddr))


def set_up(nodes):
    """Inside of the network namespace: the loopback interface with the addresses of the API server and of each node."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, GET_FLAGS, struct.pack("16sH14x", b"lo", 0)))[1]
        fcntl.ioctl(control, SET_FLAGS, struct.pack("16sH14x", b"lo", flags | UP))
    add_address(1000, API_ADDRESS)
    for number in range(1, nodes + 1):
        add_address(number, node_address(number))


def write_cni(folder, address):
    """The plugin and its configuration, in FOLDER/bin and FOLDER/conf."""
    folder = pathlib.Path(folder)
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    (folder / "conf").mkdir(exist_ok=True)
    for name in ("no-network", "loopback"):
        (folder / "bin" / name).write_text(CNI_PLUGIN.replace("ADDRESS", address))
        (folder / "bin" / name).chmod(0o755)
    (folder / "conf" / "10-no-network.conflist").write_text(json.dumps(
        {"cniVersion": "1.0.0", "name": "no-network", "plugins": [{"type": "no-network"}]}))


class Relay:
    """Connections to a socket that listens outside of the namespace, passed to the API server inside. The socket is made before
    the namespace is entered and stays where it was made."""

    MOST = 256  # connections at a time

    def __init__(self, listening):
        self.listening, self.room = listening, threading.Semaphore(self.MOST)

    def start(self):
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                outside, _ = self.listening.accept()
            except OSError:
                return
            self.room.acquire()
            threading.Thread(target=self.serve, args=(outside,), daemon=True).start()

    def serve(self, outside):
        try:
            with outside, socket.create_connection((API_ADDRESS, API_PORT), timeout=10) as inside:
                inside.settimeout(None)
                self.pass_on(outside, inside)
        except OSError:
            pass  # one side is gone: the other sees its connection end
        finally:
            self.room.release()

    @staticmethod
    def pass_on(one, other):
        ways = {one: other, other: one}
        while ways:
            readable, _, _ = select.select(list(ways), [], [])
            for source in readable:
                data = source.recv(65536)
                if data:
                    ways[source].sendall(data)
                    continue
                ways.pop(source).shutdown(socket.SHUT_WR)


def listen_outside(port=0):
    """A socket of 127.0.0.1 for Relay; with port 0 the kernel picks one."""
    return socket.create_server(("127.0.0.1", port))


def inherited(descriptor):
    """The listening socket that the process outside has passed on."""
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)
