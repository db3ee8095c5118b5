#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real Prometheus and Alertmanager on a simulated machine that is watched by migd.

    end_to_end.py BIN [--changes N] [--gpus N] [--json FILE]

1. N layout changes (default 10) beside a busy instance that stays, on N more GPUs (default 1): after each, what Prometheus
   knows is what the machine has, at the first scrape that could know it; the instance that stays has no gap over one scrape.
2. Alerts reach the Alertmanager, with whom they concern: an idle lease (its tenant), an Xid (its instance), somebody else's
   change (drift), a queue that cannot be served, processes without a lease, a driver that hangs. Times of the rules are
   shortened for it, and nothing else.
3. While the driver hangs, /metrics answers, without readings; afterwards they are back.
4. Every expression of every dashboard has had data, but those named in QUIET.

Exit code 77: Prometheus cannot be had, or not root. With --changes 100 --gpus 7: bench/results/monitoring.json.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import servers

GRAFANA = servers.ROOT / "integrations" / "grafana"
SCRAPE_S = 0.5
FIRST = "h200-141gb"
# Without data here: no simulated board is held down in its clocks, nor tells the temperature of its memory.
QUIET = ("mig_gpu_throttled", "mig_gpu_memory_temperature")


def log(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


class Machine:
    def __init__(self, folder, binaries, gpus):
        self.folder, self.migctl_path = folder, binaries / "migctl"
        self.workload_path = binaries / "mig-workload"
        os.environ.update(MIGSIM_ROOT=f"{folder}/machines", NO_COLOR="1")
        os.environ.pop("MIGCTL_SOCKET", None)
        self.migctl("sim", "create", "box", "--gpus", f"1x {FIRST}, {gpus}x {FIRST}, 1x a100-sxm4-40gb", sim=False)
        printed = self.migctl("sim", "env", "box", sim=False)
        self.environment = dict(os.environ)
        done = subprocess.run(["sh", "-c", printed + "\nenv -0"], capture_output=True, check=True)
        self.environment.update(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)

    def migctl(self, *arguments, sim=True, code=0, text=None):
        command = [str(self.migctl_path), *(["--sim", "box"] if sim else []), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, input=text or "")
        if code is not None and done.returncode != code:
            raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def list(self):
        return json.loads(self.migctl("list", "--json"))["gpus"]

    def instances(self):
        """{(GPU UUID, GI, profile)} of the machine now."""
        return {(gpu["uuid"], str(instance["id"]), instance["profile"]) for gpu in self.list() for instance in gpu["gpuInstances"]}

    def apply(self, layouts):
        """{GPU: [profiles]}; GPUs that are not named stay."""
        lines = ["version: v1", "mig-configs:", "  x:"]
        for gpu, profiles in layouts.items():
            counts = ", ".join(f'"{name}": {profiles.count(name)}' for name in sorted(set(profiles)))
            lines += [f"    - devices: [{gpu}]", "      mig-enabled: true", f"      mig-devices: {{{counts}}}"]
        self.migctl("apply", "-f", "-", "-c", "x", text="\n".join(lines) + "\n")

    def work_on(self, uuid, seconds=3600):
        return subprocess.Popen([str(self.workload_path), "train", "--seconds", str(seconds)],
                                env=dict(self.environment, CUDA_VISIBLE_DEVICES=uuid), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)


OUTSIDER = """
import ctypes, sys
nvml = ctypes.CDLL("libnvidia-ml.so.1")
def call(name, *arguments):
    code = getattr(nvml, name)(*arguments)
    if code: sys.exit(f"{name}: {code}")
gpu, gi, ci = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
call("nvmlInit_v2")
call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(int(sys.argv[1])), ctypes.byref(gpu))
call("nvmlDeviceGetGpuInstanceById", gpu, ctypes.c_uint(int(sys.argv[2])), ctypes.byref(gi))
call("nvmlGpuInstanceGetComputeInstanceById", gi, ctypes.c_uint(0), ctypes.byref(ci))
call("nvmlComputeInstanceDestroy", ci)
call("nvmlGpuInstanceDestroy", gi)
"""


def destroy_as_an_outsider(machine, gpu, instance):
    """Another program of NVML, of which migctl knows nothing."""
    subprocess.run([sys.executable, "-c", OUTSIDER, str(gpu), str(instance)], env=machine.environment, check=True, timeout=60)


def quick_rules(folder):
    """The rules with shorter times: `for` and the ages in thresholds and nothing else."""
    rules = folder / "rules"
    rules.mkdir()
    for path in (GRAFANA / "rules").glob("*.yaml"):
        text = re.sub(r"\bfor: \d+m\b", "for: 1s", path.read_text())
        text = re.sub(r"> 1800\)", "> 3)", text)
        text = re.sub(r"> (300|900)\)", "> 2)", text)
        (rules / path.name).write_text(text.replace("interval: 15s", "interval: 500ms"))
    return rules


def configure(folder, migd, alertmanager):
    quick_rules(folder)
    shutil.copy(GRAFANA / "alertmanager.yaml", folder)
    text = (GRAFANA / "prometheus.yaml").read_text()
    text = text.replace("interval: 15s", "interval: 500ms").replace("scrape_timeout: 5s", "scrape_timeout: 500ms")
    text = text.replace("127.0.0.1:9400", f"127.0.0.1:{migd}").replace("127.0.0.1:9093", f"127.0.0.1:{alertmanager}")
    text = re.sub(r"# (params: \S+ \[legacy\]\}).*", r"\1", text)
    assert "params: {dcgm: [legacy]}" in text
    (folder / "prometheus.yaml").write_text(text)
    return folder / "prometheus.yaml"


def known_instances(answer):
    return {(one["gpu_uuid"], one["gi"], one["profile"]) for one, _ in answer}


class Checks:
    def __init__(self, machine, migd, prometheus, alertmanager):
        self.machine, self.migd, self.prometheus, self.alertmanager = machine, migd, prometheus, alertmanager
        self.results = {}

    def same_layout(self):
        """Waits until the page shows the machine's layout; at the first scrape of that tick or a later one Prometheus must."""
        truth = self.machine.instances()
        begun = time.monotonic()

        def shown():
            page = self.migd.page()
            return known_instances(servers.series(page, "mig_instance_info")) == truth and \
                int(servers.series(page, "mig_sampler_ticks_total")[0][1])
        tick = servers.eventually(shown, f"/metrics shows {len(truth)} instances")
        seen = time.monotonic() - begun

        def scraped():
            found = self.prometheus.query("mig_sampler_ticks_total")
            return found and found[0][1] >= tick
        servers.eventually(scraped, f"tick {tick} is scraped")
        found = self.prometheus.query("mig_instance_info")
        known = known_instances(found)
        if known != truth or len(found) != len(truth):
            raise AssertionError(f"stale: {sorted(known - truth)}, missing: {sorted(truth - known)}")
        for family in ("mig_instance_memory_total_bytes", "DCGM_FI_DEV_FB_USED"):
            label = "gi" if family.startswith("mig") else "GPU_I_ID"
            uuid = "gpu_uuid" if family.startswith("mig") else "UUID"
            have = {(one[uuid], one[label]) for one, _ in self.prometheus.query(family) if label in one}
            if not have <= {(gpu, gi) for gpu, gi, _ in truth}:
                raise AssertionError(f"stale in {family}: {have}")
        return seen

    def churn(self, changes, gpus):
        layouts = (["1g.18gb"] * 7, ["3g.71gb", "3g.71gb"], ["2g.35gb", "1g.18gb", "1g.18gb"], ["7g.141gb"])
        delays = []
        for number in range(changes):
            self.machine.apply({1 + gpu: layouts[(number + gpu) % len(layouts)] for gpu in range(gpus)})
            delays.append(self.same_layout())
        self.results["changes"] = changes
        self.results["page_shows_change_within_s"] = {"median": round(sorted(delays)[len(delays) // 2], 2), "most": round(max(delays), 2)}

    def no_gaps(self, pinned, seconds):
        """Of the scrapes of this time none failed, and the instance that stayed lacks in no two that follow each other."""
        window = f"[{int(seconds)}s]"
        (_, up), = self.prometheus.query(f'up{{job="migctl"}}{window}')
        failed = [at for at, value in up if value != "1"]
        if failed:
            raise AssertionError(f"{len(failed)} of {len(up)} scrapes failed")
        have = {at for _, values in self.prometheus.query(f'mig_instance_info{{gpu_uuid="{pinned[0]}",gi="{pinned[1]}"}}{window}')
                for at, _ in values}
        longest = run = 0
        for at, _ in up:
            run = 0 if at in have else run + 1
            longest = max(longest, run)
        self.results["scrapes"] = len(up)
        self.results["longest_gap_in_scrapes"] = longest
        return longest

    def alert(self, name, **labels):
        def found():
            return [one for one in self.alertmanager.alerts()
                    if one["alertname"] == name and all(one.get(key) == value for key, value in labels.items())]
        try:
            servers.eventually(found, f"{name} {labels} in the Alertmanager", 90)
        except AssertionError as error:
            ours = [(one["alertname"], one.get("gi"), one.get("tenant")) for one in self.alertmanager.alerts()]
            raise AssertionError(f"{error}; there: {ours}\n{self.migd.page()[:3000]}") from None
        self.results.setdefault("alerts", []).append(name)
        log(f"{name} {labels}")

    def no_alert(self, name):
        servers.eventually(lambda: not [one for one in self.alertmanager.alerts() if one["alertname"] == name], f"{name} ends", 90)

    def hung_driver(self):
        self.machine.migctl("sim", "inject", "box", "--call", "*", "--hang", "8s", "--repeat", "0", sim=False)
        took = []

        def withdrawn():
            begun = time.monotonic()
            page = self.migd.page()
            took.append(time.monotonic() - begun)
            return "gpu_uuid=" not in page and page
        page = servers.eventually(withdrawn, "readings are withdrawn")
        assert servers.series(page, "mig_readings_withdrawn")[0][1] == 1
        parts = {labels["collector"]: value for labels, value in servers.series(page, "mig_collector_success")}
        assert {parts[name] for name in ("topology", "gpm", "energy", "memory", "processes")} == {0}, parts  # what asks the driver
        self.results["hung_driver_answer_ms"] = {"most": round(max(took) * 1000, 1)}
        self.alert("MigReadingsWithdrawn")
        self.machine.migctl("sim", "inject", "box", "--clear", sim=False)
        log(f"/metrics answered within {max(took) * 1000:.1f} ms while the driver hung")

    def dashboards(self, seconds):
        empty, count = [], 0
        for path in sorted((GRAFANA / "dashboards").glob("*.json")):
            for panel in json.loads(path.read_text())["panels"]:
                for target in panel.get("targets", []):
                    count += 1
                    expression = target["expr"].replace("$__rate_interval", "5s")
                    expression = re.sub(r"\$\w+", ".*", expression)
                    if not self.prometheus.over(expression, seconds, "2s") and not any(quiet in expression for quiet in QUIET):
                        empty.append(f"{path.stem}: {panel['title']}: {expression}")
        self.results["expressions"] = {"evaluated": count, "without_data": len(empty)}
        if empty:
            raise AssertionError(f"{len(empty)} of {count} expressions had no data:\n" + "\n".join(empty))
        log(f"{count} expressions of dashboards")


def acquire(machine, *options):
    return json.loads(machine.migctl("lease", "acquire", "--json", *options))["leases"]


def alerts(checks, machine):
    """Each fault is made, and the alert about it waited for, with whom it concerns."""
    gpus = machine.list()
    mig = {gpu["index"]: gpu for gpu in gpus}
    leased, = acquire(machine, "--gpu", "1", "--profile", "3g.71gb", "--for", "1h", "--name", "notebook")
    checks.alert("MigInstanceHeldIdle", tenant=leased["tenant"], gpu_uuid=mig[1]["uuid"])
    checks.alert("MigInstanceHeldWithoutProcess", tenant=leased["tenant"])
    checks.alert("MigProcessWithoutLease", gpu_uuid=mig[0]["uuid"])
    waiting = subprocess.Popen([str(machine.migctl_path), "--sim", "box", "lease", "acquire", "--profile", "7g.141gb", "--create", "--wait", "10m",
                                "--for", "1h"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        checks.alert("MigProfileUnplaceable", profile="7g.141gb")
    finally:
        waiting.terminate()
        waiting.wait()
    machine.migctl("sim", "inject", "box", "--xid", "31", "--gpu", "1", "--gi", leased["gpuInstance"], "--ci", "0", sim=False)
    checks.alert("MigInstanceXid", xid="31", gi=str(leased["gpuInstance"]), gpu_uuid=mig[1]["uuid"])
    machine.migctl("sim", "inject", "box", "--xid", "79", "--gpu", "1", sim=False)
    checks.alert("MigGpuXidCritical", xid="79", gpu_uuid=mig[1]["uuid"])
    victim = next(instance["id"] for instance in mig[1]["gpuInstances"] if instance["id"] != leased["gpuInstance"])
    destroy_as_an_outsider(machine, 1, victim)
    checks.alert("MigLayoutDrift", gpu_uuid=mig[1]["uuid"])
    checks.same_layout()
    checks.hung_driver()
    checks.no_alert("MigReadingsWithdrawn")
    checks.same_layout()


def run(options):
    with tempfile.TemporaryDirectory(prefix="mig-monitoring-") as name:
        folder = pathlib.Path(name)
        machine = Machine(folder, options.bin.resolve(), options.gpus)
        machine.migctl("mode", "enable", "-i", ",".join(str(gpu) for gpu in range(options.gpus + 1)))
        machine.apply({0: ["3g.71gb", "1g.18gb"], 1: ["3g.71gb", "3g.71gb"]})
        uuid = machine.list()[0]["gpuInstances"][0]["computeInstances"][0]["uuid"]
        worker = machine.work_on(uuid)
        whole = machine.work_on(machine.list()[-1]["uuid"])
        alertmanager_of = servers.Alertmanager(folder, GRAFANA / "alertmanager.yaml")
        migd_of = servers.Migd(folder, machine.migctl_path, "--sample", "200ms")
        config = configure(folder, migd_of.port, alertmanager_of.port)
        try:
            with migd_of as migd, alertmanager_of as alertmanager, servers.Prometheus(folder, config) as prometheus:
                checks = Checks(machine, migd, prometheus, alertmanager)
                begun = time.monotonic()
                checks.same_layout()
                checks.churn(options.changes, options.gpus)
                pinned = next(one for one in sorted(machine.instances()) if one[0] == machine.list()[0]["uuid"])
                gap = checks.no_gaps(pinned, time.monotonic() - begun)
                log(f"{options.changes} layout changes, {checks.results['scrapes']} scrapes, longest gap {gap}")
                if gap > 1:
                    raise AssertionError(f"the instance that stayed lacks in {gap} scrapes that follow each other")
                machine.apply({1 + gpu: ["3g.71gb", "3g.71gb"] for gpu in range(options.gpus)})  # no room for a 7g
                checks.same_layout()
                alerts(checks, machine)
                checks.dashboards(time.monotonic() - begun)
        finally:
            for process in (worker, whole):
                process.kill()
                process.wait()
            machine.migctl("sim", "destroy", "box", "--force", sim=False, code=None)
        return checks.results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("--changes", type=int, default=10)
    parser.add_argument("--gpus", type=int, default=1)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    servers.need()
    if os.geteuid() != 0:
        print("SKIPPED: end_to_end: changing layouts needs root")
        return servers.SKIPPED
    results = run(options)
    print(json.dumps(results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
