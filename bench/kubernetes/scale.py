#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ResourceSlices of many nodes through the real API server and scheduler: Node objects without a kubelet, eight GPUs each, our
slices, NVIDIA's form of the same machine, and ours of what exists only (without counters); claims and pods that the scheduler
allocates and binds.

    bench/kubernetes/scale.py [--nodes 10,30,100,300,1000] [--claims 10] [--few 3] [--out bench/results/kubernetes_scale.json]

What it measures: objects and bytes of a node, time to write them, memory and processor time of the API server and the scheduler,
claims bound per second. Pods do not run: nothing is there that would start them. NVIDIA's form is written from its documented
names (one slice per GPU, a counter for each capacity, devices by name), not taken from its program. The plot is written beside
the JSON file.
"""

import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cluster"))
sys.path.insert(0, str(ROOT / "tests"))

import control_plane  # noqa: E402
import network  # noqa: E402
import programs  # noqa: E402
from api import Api  # noqa: E402
from images import engine  # noqa: E402

GPUS = 8
WRITERS = 4
MOST_WAIT_S = 120
MANY_NODES = 300
MOST_WAIT_OF_MANY_S = 600
KEBAB = {"multiprocessors": "multiprocessors", "copyEngines": "copy-engines", "decoders": "decoders", "encoders": "encoders",
         "jpegEngines": "jpeg-engines", "ofaEngines": "ofa-engines", "memory": "memory"}


def ours(option):
    program_ = os.environ.get("MIG_BENCH_SLICES", programs.BIN / "mig-bench-slices")
    return json.loads(subprocess.run([program_, option, str(GPUS)], capture_output=True, text=True, check=True).stdout)


def mib(quantity):
    return int(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


def nvidia(own):
    """The same machine in the form of NVIDIA's DRA driver 0.4.1, DynamicMIG: a slice for each GPU, devices by name."""
    devices = [device for one in own for device in one["spec"].get("devices", ()) if device["attributes"]["type"]["string"] == "mig"]
    sets, slices = [], []
    for gpu in range(GPUS):
        mine = sorted((one for one in devices if one["attributes"]["parentIndex"]["int"] == gpu), key=nvidia_name)
        most = {name: max((one["capacity"][name]["value"] for one in mine), key=lambda text: mib(text) if text[-1] == "i" else int(text))
                for name in KEBAB}
        counters = {KEBAB[name]: {"value": value} for name, value in most.items()}
        counters.update({f"memory-slice-{slot}": {"value": "1"} for slot in range(8)})
        sets.append({"name": f"gpu-{gpu}-counter-set", "counters": counters})
        slices.append([nvidia_device(one, gpu) for one in mine])
    count = len(slices) + 1
    specs = [{"sharedCounters": sets}, *({"devices": one} for one in slices)]
    return [{"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": f"{number:05x}-gpu.nvidia.com-NODE"},
             "spec": {"driver": "gpu.nvidia.com", "nodeName": "NODE", "pool": {"name": "NODE", "generation": 1, "resourceSliceCount": count},
                      **spec}} for number, spec in enumerate(specs)]


def nvidia_name(device):
    attributes = device["attributes"]
    return f"{attributes['profile']['string'].replace('.', '').replace('+', '')}-{attributes['start']['int']}"


def nvidia_device(device, gpu):
    attributes, capacity = device["attributes"], device["capacity"]
    consumed = {KEBAB[name]: value for name, value in capacity.items()}
    for consumption in device["consumesCounters"]:
        consumed.update({name: value for name, value in consumption["counters"].items() if name.startswith("memory-slice")})
    kept = ("type", "parentUUID", "profile", "productName", "architecture", "driverVersion", "resource.kubernetes.io/pciBusID")
    more = {"brand": {"string": "Nvidia"}, "cudaComputeCapability": {"version": "9.0.0"}, "cudaDriverVersion": {"version": "13.0.0"},
            "addressingMode": {"string": "None"}}
    return {"name": f"gpu-{gpu}-mig-{nvidia_name(device)}", "attributes": {**{name: attributes[name] for name in kept}, **more},
            "capacity": capacity, "consumesCounters": [{"counterSet": f"gpu-{gpu}-counter-set", "counters": consumed}]}


class Writer(threading.local):
    """A connection for each thread, kept open: what is measured is the server."""

    def __init__(self, authority, token):
        super().__init__()
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.connection = http.client.HTTPSConnection(network.API_ADDRESS, network.API_PORT,
                                                      context=ssl.create_default_context(cafile=str(authority)), timeout=60)

    def __call__(self, method, path, body):
        self.connection.request(method, "/" + path, json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:500]}")
        return json.loads(text)


class Server:
    """The control plane without the controller manager, whose node controller would find that no kubelet reports."""

    def __init__(self):
        self.plane = control_plane.ControlPlane(tempfile.mkdtemp(prefix="scale-"), [])

    def __enter__(self):
        self.plane.prepare()
        etcd, self.server, self.scheduler, _ = self.plane.components()
        self.running = [etcd, self.server, self.scheduler]
        etcd.start()
        self.server.start()
        authority, token = self.plane.credentials.path("ca.crt"), self.plane.credentials.token(control_plane.ADMIN)
        self.api = Api(network.SERVER, authority, token)
        self.until("the API server is ready", self.api.ready)
        self.scheduler.start()
        self.write = Writer(authority, token)
        self.until("there is a namespace", lambda: self.api.get("Namespace", "default"))
        self.write("POST", Api.path("ServiceAccount"), {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
        return self

    def __exit__(self, *_):
        for one in reversed(self.running):
            one.stop()
        subprocess.run(["umount", str(self.plane.folder / "etcd")], check=False)

    def until(self, what, condition, seconds=MOST_WAIT_S):
        end = time.monotonic() + seconds
        while not condition():
            trouble = "; ".join(one.trouble() for one in self.running if one.trouble())
            if trouble:
                raise RuntimeError(f"{what}: {trouble}")
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not in {seconds} s")
            time.sleep(0.05)

    @staticmethod
    def memory_mib(component):
        status = pathlib.Path(f"/proc/{component.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) // 1024


    @staticmethod
    def cpu_ms(component):
        """Processor time so far: what load of others on the machine does not change much."""
        fields = pathlib.Path(f"/proc/{component.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")


def add_node(server, name, slices):
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}
    server.write("POST", Api.path("Node"), node)
    server.write("PUT", Api.path("Node", name) + "/status", {
        **node, "status": {"capacity": {"cpu": "64", "memory": "512Gi", "pods": "110"},
                           "allocatable": {"cpu": "64", "memory": "512Gi", "pods": "110"},
                           "conditions": [{"type": "Ready", "status": "True", "reason": "Bench", "message": ""}]}})
    for slice_ in slices:
        server.write("POST", Api.path("ResourceSlice"), json.loads(json.dumps(slice_).replace("NODE", name)))


def claim(server, name, device_class):
    server.write("POST", Api.path("ResourceClaim"), {
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": name},
        "spec": {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": device_class}}]}}})
    server.write("POST", Api.path("Pod"), {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"tolerations": [{"operator": "Exists"}],  # nobody takes "not ready" off a node that has no kubelet
                 "containers": [{"name": "c", "image": "none", "resources": {"claims": [{"name": "gpu"}]}}],
                 "resourceClaims": [{"name": "gpu", "resourceClaimName": name}]}})


def bound(server, prefix):
    return sum(1 for pod in server.api.list("Pod") if pod["metadata"]["name"].startswith(prefix) and pod["spec"].get("nodeName"))


def forget_unbound(server, prefix):
    """What was not bound in time would be tried again beside the next measurement."""
    for pod in server.api.list("Pod"):
        name = pod["metadata"]["name"]
        if name.startswith(prefix) and not pod["spec"].get("nodeName"):
            server.api.delete("Pod", name, grace=0)
            server.api.delete("ResourceClaim", name)


def measure(form, slices, driver, counts, claims_of, save):
    """`claims_of` gives how many claims are asked for at once on so many nodes; `save` takes each row."""
    device_class = {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "one"}, "spec": {"selectors": [{"cel": {
        "expression": f"device.driver == '{driver}' && device.attributes['{driver}'].profile == '1g.18gb'"}}]}}
    with Server() as server, concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        server.write("POST", Api.path("DeviceClass"), device_class)
        there = 0
        for count in counts:
            begin, worked = time.monotonic(), server.cpu_ms(server.server)
            list(pool.map(lambda number: add_node(server, f"n{number:04}", slices), range(there, count)))
            written, worked = time.monotonic() - begin, server.cpu_ms(server.server) - worked
            prefix, claims = f"p{count}-", claims_of(count)
            patience = MOST_WAIT_OF_MANY_S if count >= MANY_NODES else MOST_WAIT_S
            begin, scheduled = time.monotonic(), server.cpu_ms(server.scheduler)
            list(pool.map(lambda number, prefix=prefix: claim(server, f"{prefix}{number}", "one"), range(claims)))
            try:
                server.until("all pods are bound", lambda prefix=prefix: bound(server, prefix) == claims, patience)
            except TimeoutError:
                pass  # as many as were bound in that time
            got = bound(server, prefix)
            seconds, scheduled = time.monotonic() - begin, server.cpu_ms(server.scheduler) - scheduled
            save({"form": form, "nodes": count, "objects_of_a_node": len(slices), "bytes_of_a_node": len(json.dumps(slices)),
                  "seconds_to_write_a_node": round(written / max(1, count - there), 4), "claims": claims, "bound": got,
                  "apiserver_cpu_ms_of_a_node": round(worked / max(1, count - there), 1),
                  "scheduler_cpu_ms": scheduled,
                  "scheduler_cpu_ms_of_a_claim": round(scheduled / got, 1) if got else None,
                  "claims_per_second": round(got / seconds, 4), "apiserver_mib": server.memory_mib(server.server),
                  "scheduler_mib": server.memory_mib(server.scheduler)})
            there = count
            if got < claims:
                forget_unbound(server, prefix)


def plot(rows, path):
    """Three charts, one above the other: claims per second, processor time of the scheduler for one, and memory; nodes on a
    logarithmic axis."""
    import math  # noqa: PLC0415
    width, height, left, right = 820, 220, 80, 220
    nodes = sorted({row["nodes"] for row in rows})
    low, high = math.log10(nodes[0]), math.log10(nodes[-1])
    def x(value):
        return left + (math.log10(value) - low) / max(high - low, 1e-9) * (width - left - right)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{3 * height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{3 * height}" fill="white"/>']
    lines = (("claims_per_second", 0, "claims per second", ""),
             ("scheduler_cpu_ms_of_a_claim", 1, "scheduler's processor time for a claim, ms", ""),
             ("apiserver_mib", 2, "memory, MiB", "API server"), ("scheduler_mib", 2, "memory, MiB", "scheduler"))
    for key, chart, title, label in lines:
        values = [row[other] for row in rows for other, at, _, _ in lines if at == chart and row[other]]
        # Claims per second and the time for one span four powers of ten.
        scaled = math.log10 if chart < 2 else float
        bottom, top = (scaled(min(values)), scaled(max(values))) if chart < 2 else (0, max(values) * 1.1)
        def y(value, chart=chart, scaled=scaled, bottom=bottom, top=top):
            return (chart + 1) * height - 30 - (scaled(value) - bottom) / max(top - bottom, 1e-9) * (height - 60)
        if label != "scheduler":
            base = (chart + 1) * height - 30
            marks = (min(values), max(values)) if chart < 2 else (0, top / 2, top)
            parts.append(f'<text x="{left}" y="{chart * height + 18}" font-weight="bold">{title}{" (logarithmic)" if chart < 2 else ""}</text>')
            parts.append(f'<line x1="{left}" y1="{base}" x2="{width - right}" y2="{base}" stroke="black"/>')
            parts += [f'<text x="{x(n)}" y="{base + 16}" text-anchor="middle">{n} nodes</text>' for n in nodes]
            parts += [f'<text x="{left - 6}" y="{y(v) + 4}" text-anchor="end">{f"{v:,.0f}" if v >= 10 else f"{v:.2g}"}</text>' for v in marks]
        for form, colour in (("migctl", "#0b6e4f"), ("NVIDIA's form", "#b3541e"), ("migctl, existing only", "#1f4e9c")):
            mine = [row for row in rows if row["form"] == form and row[key]]
            points = " ".join(f"{x(row['nodes']):.1f},{y(row[key]):.1f}" for row in mine)
            dash = ' stroke-dasharray="4 3"' if label == "scheduler" else ""
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
            if mine:
                parts.append(f'<text x="{x(mine[-1]["nodes"]) + 6:.1f}" y="{y(mine[-1][key]) + 4:.1f}" fill="{colour}">{form} {label}</text>')
    path.write_text("\n".join([*parts, "</svg>", ""]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", default="10,30,100,300,1000")
    parser.add_argument("--claims", type=int, default=10)
    parser.add_argument("--few", type=int, default=3,
                        help=f"claims of the forms with counters on {MANY_NODES} nodes and more, of which one takes the scheduler a minute: "
                             "it looks at all nodes' counters for each node")
    parser.add_argument("--forms", nargs="+", default=["migctl", "NVIDIA's form", "migctl, existing only"])
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    os.chdir(ROOT)
    if engine.INSIDE not in os.environ:
        why = programs.why_not(("etcd", "kube-apiserver", "kube-scheduler"))
        if why:
            engine.skip(why)
        engine.enter(("openssl",))
    engine.mount_private()
    network.set_up(0)
    own = ours("--print")
    counts = [int(word) for word in options.nodes.split(",")]
    rows = []

    def save(row):  # after each row: the whole takes most of an hour
        rows.append(row)
        print(json.dumps(row), flush=True)
        if options.out:
            options.out.write_text(json.dumps({"benchmark": "ResourceSlices of many nodes", "kubernetes": "1.36.3", "gpus_of_a_node": GPUS,
                                               "board": "h200-141gb", "processors": os.cpu_count(), "rows": rows}, indent=1) + "\n")
            plot(rows, options.out.with_suffix(".svg"))

    for form, slices, driver, counters in (("migctl", own, "mig.migctl.dev", True), ("NVIDIA's form", nvidia(own), "gpu.nvidia.com", True),
                                           ("migctl, existing only", ours("--existing"), "mig.migctl.dev", False)):
        if form in options.forms:
            measure(form, slices, driver, counts,
                    lambda count, counters=counters: options.few if counters and count >= MANY_NODES else options.claims, save)


if __name__ == "__main__":
    main()
