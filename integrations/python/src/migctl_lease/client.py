# SPDX-License-Identifier: Apache-2.0
"""The daemon's API for leases (docs/reference/leases.md, docs/reference/api.md), over its UNIX socket.

A Client holds no connection and no lock: each call opens its own, so it may be used from threads, after a fork, and across restarts of the daemon.
"""

import http.client
import json
import os
import secrets
import socket
import time
import urllib.parse
from typing import Any, Callable, Dict, List, Optional, TypedDict

from .durations import Duration, milliseconds
from .errors import DaemonUnavailable, MigctlError, WaitTimeout, error_of
from .instance import Instance
from .sockets import find_socket

Json = Dict[str, Any]
OnWait = Callable[[str], None]

CALL_S = 30.0  # the daemon answers a request that waits within 20 s
AWAY_S = 15.0  # how long a daemon may be down, while it starts again, before a call gives up
BETWEEN_S = 0.2
MOST_BYTES = 16 * 1024 * 1024
_WITHDRAWALS = 5


class Wishes(TypedDict, total=False):
    """The parameters of Client.acquire(), for functions that pass them on."""
    profile: Optional[str]
    memory_mib: Optional[int]
    sms: Optional[int]
    uuid: Optional[str]
    slot: Optional[str]
    gpu: Optional[str]
    wait: Duration
    time_limit: Optional[Duration]
    job: Optional[str]
    shared: int
    create: bool
    priority: int
    preempt: bool
    grace: Optional[Duration]
    user: Optional[str]
    holder_pid: Optional[int]
    unit: Optional[str]
    key: Optional[str]
    on_wait: Optional[OnWait]


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """The daemon of one machine. `socket_path`: else the one that migctl's commands would ask; `machine`: a simulated machine, by name or folder."""

    def __init__(self, socket_path: Optional[str] = None, *, machine: Optional[str] = None) -> None:
        self.socket_path = socket_path if socket_path is not None else find_socket(machine)

    # Leases

    def acquire(self, *, profile: Optional[str] = None, memory_mib: Optional[int] = None, sms: Optional[int] = None, uuid: Optional[str] = None,
                slot: Optional[str] = None, gpu: Optional[str] = None, wait: Duration = 0, time_limit: Optional[Duration] = None,
                job: Optional[str] = None, shared: int = 1, create: bool = False, priority: int = 0, preempt: bool = False, grace: Optional[Duration] = None,
                user: Optional[str] = None, holder_pid: Optional[int] = None, unit: Optional[str] = None, key: Optional[str] = None,
                on_wait: Optional[OnWait] = None) -> Instance:
        """A lease of a free instance that meets all that is asked; it lasts as long as its holder, which is this process unless `holder_pid` or `unit`
        says otherwise, or until `time_limit`. With `wait` it waits in the queue so long, and `on_wait` is called with the reason when that changes.

        The request has a key (made here unless given): a call that is repeated after a broken connection or a restart of the daemon is the same
        request, and keeps its place in the queue. If the call is left by an exception (Ctrl-C), the request is withdrawn."""
        holder: Json = {"unit": unit} if unit is not None else {"pid": os.getpid() if holder_pid is None else holder_pid}
        key = key if key is not None else secrets.token_hex(16)
        need = {"profile": profile, "memoryMib": memory_mib, "sms": sms, "uuid": uuid, "slot": slot, "gpu": gpu}
        body: Json = {"need": {name: value for name, value in need.items() if value is not None}, "holder": holder, "shared": shared,
                      "waitMs": milliseconds("wait", wait), "create": create, "priority": priority, "preempt": preempt, "key": key}
        more = {"job": job, "user": user, "limitMs": None if time_limit is None else milliseconds("time_limit", time_limit),
                "graceMs": None if grace is None else milliseconds("grace", grace)}
        body.update({name: value for name, value in more.items() if value is not None})
        try:
            return self._wait_for(body, on_wait)
        except MigctlError:
            raise  # the daemon's answer: nothing waits any more, or nobody can be asked
        except BaseException:
            self.withdraw(key)
            raise

    def _wait_for(self, body: Json, on_wait: Optional[OnWait]) -> Instance:
        give_up = time.monotonic() + body["waitMs"] / 1000 + AWAY_S
        told = ""
        while True:
            answer = self._patiently("POST", "/v1/leases", body)
            if answer["kind"] == "LeaseGrant" and answer["leases"]:
                return Instance.of(self, answer["leases"][0], bool(answer["simulated"]))
            reason = answer["queue"][0]["reason"] if answer.get("queue") else ""
            if on_wait is not None and reason and reason != told:
                told = reason
                on_wait(reason)
            if time.monotonic() > give_up:
                self.withdraw(body["key"])
                raise WaitTimeout("timeout", f"nothing came free in time: {reason}", "wait longer")

    def withdraw(self, key: str) -> bool:
        """Withdraws this user's request of that key: it waits no more, and what it got is given back. True: it waited. May be called at any time, from
        another thread too; whoever waits in acquire() gets WaitTimeout then."""
        target = f"/v1/queue?{urllib.parse.urlencode({'key': key})}"
        for _ in range(_WITHDRAWALS):  # the request itself may still be on its way
            try:
                answer = self.call("DELETE", target)
            except MigctlError:
                return False  # the daemon strikes it out with this process
            if answer["queue"]:
                return True
            time.sleep(BETWEEN_S)
        return False

    def release(self, lease: int) -> None:
        """Gives a lease back. What is left on the instance is ended by the daemon: SIGTERM, SIGKILL after the grace. A lease that is over already is none
        to give back, and no error."""
        try:
            self._patiently("DELETE", f"/v1/leases/{lease}")
        except MigctlError as error:
            if error.code != "not_found":
                raise

    def rebind(self, lease: int, pid: int) -> None:
        """Binds a lease to another process of the same user: it ends with that one."""
        self._patiently("PATCH", f"/v1/leases/{lease}", {"holder": {"pid": pid}})

    def bequeath(self, lease: int, pid: int) -> None:
        """Names the process that keeps the lease when its holder has ended, and has it placed in the lease's cgroup, with all that it starts."""
        self._patiently("PATCH", f"/v1/leases/{lease}", {"heir": {"pid": pid}})

    # Looking

    def leases(self) -> List[Json]:
        """The leases that this user may see, as the daemon's LeaseList has them."""
        return list(self._patiently("GET", "/v1/leases")["leases"])

    def queue(self) -> List[Json]:
        """The requests that wait."""
        return list(self._patiently("GET", "/v1/queue")["queue"])

    def free(self) -> Json:
        """What is free, and when more will be."""
        return self._patiently("GET", "/v1/free")

    # The way to the daemon

    def _patiently(self, method: str, target: str, body: Optional[Json] = None) -> Json:
        """call(), again while the daemon starts anew. All that is asked here may be asked twice."""
        give_up = time.monotonic() + AWAY_S
        while True:
            try:
                return self.call(method, target, body)
            except DaemonUnavailable:
                if time.monotonic() > give_up:
                    raise
                time.sleep(BETWEEN_S)

    def call(self, method: str, target: str, body: Optional[Json] = None) -> Json:
        """One request. DaemonUnavailable when no answer came, else the exception of the daemon's error."""
        connection = _Connection(self.socket_path, CALL_S)
        try:
            connection.request(method, target, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise DaemonUnavailable("io", f"the daemon at {self.socket_path} does not answer: {error or type(error).__name__}",
                                    "is it running? systemctl status migd") from error
        finally:
            connection.close()
        if len(text) > MOST_BYTES:
            raise MigctlError("too_large", f"{method} {target}: an answer beyond {MOST_BYTES} bytes", None, answer.status)
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict) or "kind" not in document:
            raise MigctlError("driver", f"{method} {target}: the answer is no document of migctl: {text[:200]!r}", None, answer.status)
        if document["kind"] == "Error":
            raise error_of(document["code"], document["message"], document.get("hint"), answer.status)
        return document
