#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exporters side by side in one run: the same simulated machine, one after the other: scrape times, CPU, memory, what they
show right after a layout change, and what they answer while the driver hangs.

    exporters.py BIN [--all-smi PROGRAM] [--gpus N] [--seconds N] [--json FILE]

The machine: N (8) H100 with seven 1g.10gb each, one of which works; driver calls as slow as measured on an H200 (sampler.py).
Exporters: migd (own names; with DCGM's), nvitop-exporter (build/third_party, tests/conformance/get_clients.py), and all-smi if
given (crates.io: cargo install --locked --version 0.22.0 all-smi; it needs protoc). Each samples every second. The scrapers: ten
threads of this program with a connection each. nvidia_gpu_exporter cannot be had: the Go module proxy refuses it.
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import sampler

ROOT = pathlib.Path(__file__).resolve().parent.parent
GPU = 3  # whose layout is changed
TARGETS = {"scrapeP99Ms": 2, "cpuPercentOfACore": 2, "memoryMib": 32, "hungDriverAnswerMs": 100}
SCRAPERS = 10
HUNG_S = 12


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Machine:
    def __init__(self, folder, binaries, gpus):
        self.migctl_path, self.gpus = binaries / "migctl", gpus
        self.env = {**os.environ, "MIGSIM_ROOT": f"{folder}/sim", "NO_COLOR": "1"}
        self.env.pop("MIGCTL_SOCKET", None)
        os.makedirs(f"{folder}/sim")
        self.migctl("sim", "create", "bench", "--gpus", f"{gpus}x h100-sxm5-80gb")
        self.on_box("mode", "enable")
        self.apply("all", "{1g.10gb: 7}")
        latencies = [word for name, how_long in sampler.H200.items() for word in ("--latency", f"{name}={how_long}")]
        self.migctl("sim", "inject", "bench", *latencies)
        printed = self.migctl("sim", "env", "bench")
        done = subprocess.run(["sh", "-c", printed + "\nenv -0"], env=self.env, capture_output=True, check=True)
        self.client_env = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)

    def migctl(self, *words, text=""):
        done = subprocess.run([self.migctl_path, *words], env=self.env, capture_output=True, text=True, input=text, check=False)
        if done.returncode:
            sys.exit(f"migctl {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def on_box(self, *words, text=""):
        return self.migctl("--sim", "bench", *words, text=text)

    def apply(self, devices, instances):
        self.on_box("apply", "-f", "-", "-c", "x", text="version: v1\nmig-configs:\n  x:\n    - devices: "
                    f"{devices}\n      mig-enabled: true\n      mig-devices: {instances}\n")

    def uuids(self, gpu):
        listed = json.loads(self.on_box("list", "--json"))["gpus"][gpu]
        return {compute["uuid"] for instance in listed["gpuInstances"] for compute in instance["computeInstances"]}


def processes_of(pid):
    """The process and its children."""
    found = [pid]
    for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text(encoding="ascii").split():
            found += processes_of(int(child))
    return found


class Exporter:
    def __init__(self, name, command, path, env, folder):
        self.name, self.path, self.port = name, path, free_port()
        self.log = pathlib.Path(folder) / "exporter.log"
        self.command = [str(word).replace("{port}", str(self.port)) for word in command]
        self.env = env

    def __enter__(self):
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        begun = time.monotonic()
        while time.monotonic() < begun + 60 and self.process.poll() is None:
            try:
                page = self.page()
                if "MIG-" in page or ("GPU-" in page and time.monotonic() > begun + 15):
                    return self
            except OSError:
                pass
            time.sleep(0.2)
        self.__exit__()
        raise RuntimeError(f"{self.name} shows no GPU: {self.log.read_text(encoding='utf-8')[-1500:]}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def connection(self, timeout=10):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def page(self, timeout=10):
        connection = self.connection(timeout)
        try:
            connection.request("GET", self.path)
            return connection.getresponse().read().decode()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from None
        finally:
            connection.close()

    def cpu_seconds(self):
        return sum(sampler.cpu_seconds(pid) for pid in processes_of(self.process.pid))

    def memory_mib(self):
        return sum(sampler.memory_mib(pid) or 0 for pid in processes_of(self.process.pid))


def scrape_all(exporter, seconds):
    """Ten scrapers, each about every 100 ms as bench/scrape.py; nothing else asks."""
    took, failed = [], []
    until = time.monotonic() + seconds

    def scraper():
        connection = exporter.connection()
        while time.monotonic() < until:
            begun = time.perf_counter()
            try:
                connection.request("GET", exporter.path)
                answer = connection.getresponse()
                answer.read()
                (took if answer.status == 200 else failed).append(time.perf_counter() - begun)
            except (OSError, http.client.HTTPException):
                failed.append(time.perf_counter() - begun)
                connection.close()
                connection = exporter.connection()
            time.sleep(0.1)

    threads = [threading.Thread(target=scraper) for _ in range(SCRAPERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not took:
        return {"scrapes": 0, "failed": len(failed)}
    return {"scrapes": len(took), "failed": len(failed), "p50Ms": round(statistics.median(took) * 1e3, 3),
            "p99Ms": round(sampler.percentile(took, 0.99) * 1e3, 3), "mostMs": round(max(took) * 1e3, 3)}


def idle_cost(exporter, seconds):
    """CPU while somebody scrapes every 5 s."""
    before, begun, until = exporter.cpu_seconds(), time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < until:
        exporter.page(timeout=30)
        time.sleep(min(5, max(0, until - time.monotonic())))
    return round((exporter.cpu_seconds() - before) / (time.monotonic() - begun) * 100, 2)


def layout_change(exporter, machine):
    """GPU 3 from seven 1g to two 3g: how long the old instances are shown, and until the new ones are."""
    before = machine.uuids(GPU)
    machine.apply(f"[{GPU}]", "{3g.40gb: 2}")
    begun = time.monotonic()
    after = machine.uuids(GPU)
    gone, stale, complete, errors = before - after, None, None, 0
    while time.monotonic() - begun < 20 and exporter.process.poll() is None:
        at = time.monotonic() - begun
        try:
            page = exporter.page()
        except OSError:
            errors += 1
        else:
            shown = set(re.findall(r"MIG-[0-9a-f-]{36}", page))
            if shown & gone:
                stale = at
            if complete is None and after <= shown:
                complete = at
            if complete is not None and at - max(complete, stale or 0) > 5:
                break
        time.sleep(0.1)
    alive = exporter.process.poll() is None
    over = stale is not None and stale > 19
    result = {"newInstancesShownAfterS": round(complete, 1) if complete is not None else None,
              "goneInstancesShownForS": "to the end of the 20 s" if over else round(stale or 0, 1), "scrapesThatFailed": errors, "alive": alive}
    machine.apply(f"[{GPU}]", "{1g.10gb: 7}")
    return result


def hung_driver(exporter, machine):
    """Every driver call hangs: how long an answer takes, and whether old readings stand in it after five seconds."""
    machine.migctl("sim", "inject", "bench", "--call", "*", "--hang", f"{HUNG_S}s", "--repeat", "0")
    took, unanswered, old, begun = [], 0, None, time.monotonic()
    try:
        while time.monotonic() - begun < HUNG_S - 2:
            at = time.monotonic()
            try:
                page = exporter.page(timeout=5)
                took.append(time.monotonic() - at)
                if at - begun > 5:
                    old = "MIG-" in page
            except OSError:
                unanswered += 1
            time.sleep(0.2)
    finally:
        machine.migctl("sim", "inject", "bench", "--clear")
    latencies = [word for name, how_long in sampler.H200.items() for word in ("--latency", f"{name}={how_long}")]
    machine.migctl("sim", "inject", "bench", *latencies)
    return {"answers": len(took), "unansweredWithin5S": unanswered, "mostMs": round(max(took) * 1e3, 1) if took else None,
            "oldReadingsAfter5S": old, "alive": exporter.process.poll() is None}


def busy_reading(exporter, uuid):
    """What the page says of the activity of the instance that works: values of its series whose names speak of it."""
    found = {}
    page = exporter.page()
    ids = re.search(rf'mig_compute_instance_info{{gpu_uuid="([^"]+)",gi="(\d+)"[^}}]*{uuid}', page)
    for line in page.splitlines():
        own = uuid in line or (ids and line.startswith(f'mig_instance_sm_activity_ratio{{gpu_uuid="{ids[1]}",gi="{ids[2]}"'))
        if own and not line.startswith("#") and re.match(r"\w*(util|activity_ratio)\w*{", line):
            found[line.split("{")[0]] = line.rsplit(" ", 1)[1]
    return found


def measure(exporter, machine, options, uuid):
    with exporter:
        time.sleep(5)
        page = exporter.page()
        result = {"bytes": len(page), "series": sum(1 for line in page.splitlines() if line and not line.startswith("#")),
                  "instancesShown": len(set(re.findall(r"MIG-[0-9a-f-]{36}", page))), "activityOfTheBusyInstance": busy_reading(exporter, uuid)}
        result["cpuPercentOfACore"] = idle_cost(exporter, options.seconds)
        result["tenScrapers"] = scrape_all(exporter, options.seconds)
        result["memoryMib"] = round(exporter.memory_mib(), 1)
        result["layoutChange"] = layout_change(exporter, machine)
        result["hungDriver"] = hung_driver(exporter, machine)
        return result


def exporters(machine, options, folder):
    migd = [machine.migctl_path, "--sim", "bench", "serve", "--socket", f"{folder}/migd.sock", "--listen", "127.0.0.1:{port}",
            "--guard-nodes=off"]
    yield Exporter("migctl", migd, "/metrics", machine.env, folder)
    yield Exporter("migctl, with DCGM's names", migd, "/metrics?dcgm=legacy", machine.env, folder)
    nvitop = ROOT / "build" / "third_party" / "venv" / "bin" / "nvitop-exporter"
    if nvitop.is_file():
        yield Exporter("nvitop-exporter 1.7.2", [nvitop, "--port", "{port}", "--interval", "1"], "/metrics", machine.client_env, folder)
    if options.all_smi:
        version = subprocess.run([options.all_smi, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        # It looks for the driver's files, which the simulated machine has in its own shell.
        shell = [machine.migctl_path, "sim", "shell", "bench", "--", "env", "RUST_LOG=error"]
        yield Exporter(version, [*shell, options.all_smi.resolve(), "api", "--port", "{port}", "--interval", "1"], "/metrics", machine.env,
                       folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("--all-smi", type=pathlib.Path)
    parser.add_argument("--gpus", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only", default="", help="exporters whose name has this; the others' results stay in --json's file")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    results = {"gpus": options.gpus, "instances": options.gpus * 7, "callTimes": sampler.H200, "scrapers": SCRAPERS, "targets": TARGETS,
               "exporters": {}, "notObtainable": {"nvidia_gpu_exporter": "the Go module proxy answers 403", "dcgm-exporter":
                                                  "needs libdcgm and its host engine"}}
    with tempfile.TemporaryDirectory(prefix="mig-exporters-") as folder:
        machine = Machine(folder, options.bin.resolve(), options.gpus)
        uuid = min(machine.uuids(0))
        worker = subprocess.Popen([options.bin.resolve() / "mig-workload", "hog", "compute", "--seconds", "3600"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**machine.client_env, "CUDA_VISIBLE_DEVICES": uuid})
        try:
            if options.only and options.json and options.json.is_file():
                results["exporters"] = json.loads(options.json.read_text(encoding="utf-8"))["exporters"]
            for exporter in exporters(machine, options, folder):
                if options.only not in exporter.name:
                    continue
                try:
                    results["exporters"][exporter.name] = measure(exporter, machine, options, uuid)
                except (RuntimeError, OSError) as error:
                    results["exporters"][exporter.name] = {"failed": str(error)}
                print(exporter.name, json.dumps(results["exporters"][exporter.name]), flush=True)
        finally:
            worker.kill()
            worker.wait()
            machine.migctl("sim", "destroy", "bench", "--force")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
