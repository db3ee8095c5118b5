#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Events of the sampler: each Xid once, with its owner for those who may see it; drift and alerts begin and end; a driver that hangs is said.

Usage: sample_events.py BIN           needs root (a tenants file for two users)
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import client as frame
import events
from client import Failed, expect, wait
from events import Listener

# Another program of NVML, of which migctl knows nothing: it destroys a GPU instance.
OUTSIDER = """
import ctypes, sys
nvml = ctypes.CDLL("libnvidia-ml.so.1")
def call(name, *rest):
    code = getattr(nvml, name)(*rest)
    if code:
        raise SystemExit(f"{name}: {code}")
gpu, gi, ci = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
call("nvmlInit_v2")
call("nvmlDeviceGetHandleByIndex_v2", 0, ctypes.byref(gpu))
call("nvmlDeviceGetGpuInstanceById", gpu, int(sys.argv[1]), ctypes.byref(gi))
call("nvmlGpuInstanceGetComputeInstanceById", gi, 0, ctypes.byref(ci))
call("nvmlComputeInstanceDestroy", ci)
call("nvmlGpuInstanceDestroy", gi)
"""


def inject(daemon, *words):
    daemon.migctl("sim", "inject", "box", *words)


def of_type(listener, kind, action=None):
    """The next event of that type; others are passed over."""
    return listener.until(lambda event: event["type"] == kind and action in (None, event["action"]))[-1]


def an_xid_is_told_once_with_its_owner(daemon, tokens, lease):
    listeners = {name: Listener(daemon, tokens[name], query="?type=xid") for name in ("a", "b", "ops")}
    place = ["--gpu", "0", "--gi", str(lease["gpuInstance"]), "--ci", str(lease["computeInstance"])]
    inject(daemon, "--xid", "31", *place)
    for name, listener in listeners.items():
        event = listener.next()
        expect((event["xid"], event["count"], event["gpu"], event["gpuInstance"]) == (31, 1, 0, lease["gpuInstance"]), f"{name}: {event}")
        owner = (event["tenant"], event["lease"], event["job"], event["uid"])
        expect(owner == ((None,) * 4 if name == "b" else ("a", lease["id"], "train", 61001)), f"{name}: {event}")
        expect(name != "b" or "train" not in json.dumps(event), f"{event}")
    listeners["b"].close()
    last = event["id"]
    listeners["ops"].close()
    inject(daemon, "--xid", "79", "--gpu", "0")
    event = listeners["a"].next()
    expect(event["xid"] == 79 and event["tenant"] is None and event["gpuInstance"] is None, f"a board's: {event}")
    listeners["a"].close()
    inject(daemon, "--xid", "31", *place)
    again = Listener(daemon, tokens["ops"], last, query="?type=xid")
    seen = [again.next(), again.next()]
    expect([one["xid"] for one in seen] == [79, 31], f"since {last}, each once: {seen}")
    again.close()
    # What comes next is next: no Xid is told twice.
    everything = Listener(daemon, tokens["ops"], seen[-1]["id"])
    events.marker(daemon, ("1g.18gb",))
    since = everything.until(lambda event: event["type"] == "layout")
    expect(not [one for one in since if one["type"] == "xid"], f"told twice: {since}")
    return everything


def drift_begins_and_ends(daemon, everything):
    made = json.loads(daemon.on_box("list", "--json").stdout)["gpus"][0]["gpuInstances"]
    victim = max(one["id"] for one in made)
    subprocess.run(["sh", "-c", 'eval "$(migctl sim env box)" && exec "$@"', "sh", sys.executable, "-c", OUTSIDER, str(victim)],
                   env=daemon.environment, check=True, timeout=frame.PATIENCE)
    event = of_type(everything, "drift")
    expect(event["action"] == "raised" and event["gpu"] == 0 and event["gpuUuid"].startswith("GPU-"), f"{event}")
    daemon.on_box("restore", "--last-good")
    event = of_type(everything, "drift")
    expect(event["action"] == "cleared", f"{event}")


def collectors(page):
    return {name: int(value) for name, value in re.findall(r'^mig_collector_success\{collector="(\w+)"[^}]*\} (\d)', page, re.MULTILINE)}


def a_hung_driver_is_said(daemon, tokens, everything):
    status, before = daemon.document("GET", "/v1/health", token=tokens["a"])
    expect(status == 200 and {part["name"] for part in before["parts"]} >= {"driver", "sampler"}, f"{before}")
    inject(daemon, "--call", "*", "--hang", "8s", "--repeat", "0")
    event = of_type(everything, "alert", "raised")
    while event["alert"] != "part/sampler":
        event = of_type(everything, "alert", "raised")
    expect("has not answered" in event["message"], f"{event}")
    status, health = daemon.document("GET", "/v1/health", token=tokens["a"])
    trouble = {part["name"]: part["trouble"] for part in health["parts"]}
    expect(status == 503 and "has not answered" in trouble["sampler"], f"{status} {health}")
    page = daemon.ask("GET", "/metrics", token=tokens["a"])[1]
    expect("gpu_uuid=" not in page, f"a reading is repeated: {page[:500]}")
    failed = collectors(page)
    expect({failed[name] for name in ("topology", "energy", "memory", "processes")} == {0}, f"{failed}")
    _, sample = daemon.document("GET", "/v1/sample", token=tokens["a"])
    expect(sample["gpus"] == [] and "has not answered" in sample["withdrawn"], f"{str(sample)[:300]}")
    inject(daemon, "--clear")
    event = of_type(everything, "alert", "cleared")
    while event["alert"] != "part/sampler":
        event = of_type(everything, "alert", "cleared")

    def well():
        return daemon.ask("GET", "/v1/health", token=tokens["a"])[0] == 200
    wait("health after the driver is back", well)
    wait("readings after the driver is back", lambda: "gpu_uuid=" in daemon.ask("GET", "/metrics", token=tokens["a"])[1])


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mig-sample-events-") as folder:
        tenants = pathlib.Path(folder, "tenants.yaml")
        tenants.write_text(events.TENANTS, encoding="utf-8")
        daemon = frame.Daemon(sys.argv[1], folder, "--tenants", str(tenants), "--listen", "127.0.0.1:0", "--sample", "1s",
                              gpus="1x h200-141gb")
        daemon.on_box("mode", "enable", "-i", "0")
        daemon.on_box("create", "1g.18gb")
        tokens = {"a": daemon.token("a", 61001, "--role", "user"), "b": daemon.token("b", 61002, "--role", "user"),
                  "ops": daemon.token("ops", 61003, "--role", "operator")}
        daemon.start()
        try:
            wait("a reading", lambda: "gpu_uuid=" in daemon.ask("GET", "/metrics")[1])
            body = json.dumps({"need": {"profile": "1g.18gb"}, "limitMs": 600000, "job": "train"})
            status, grant = daemon.document("POST", "/v1/leases", body, token=tokens["a"])
            expect(status == 200, f"a lease: {grant}")
            lease = grant["leases"][0]

            def seen():
                uses = daemon.document("GET", "/v1/sample", token=tokens["ops"])[1]
                return f'"lease": {lease["id"]}' in json.dumps(uses)
            wait("the lease is in a sample", seen)
            everything = an_xid_is_told_once_with_its_owner(daemon, tokens, lease)
            drift_begins_and_ends(daemon, everything)
            a_hung_driver_is_said(daemon, tokens, everything)
            everything.close()
        finally:
            daemon.stop()
    print("ok: events of the sampler")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        print(f"failed: {failure.__context__ or ''} {failure}")
        sys.exit(1)
