#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Activity of an A100's instances by DCGM: migd, a host engine, workloads on two of seven instances; what ends what.

Usage: end_to_end.py BUILD          the build's folder, with bin/ and tests/dcgm/

Library and host engine are the project's own (sim/dcgm), written from NVIDIA's published headers: what is shown is migctl's side,
not that NVIDIA's libdcgm behaves so.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
import client as frame  # pylint: disable=wrong-import-position
from client import expect, wait  # pylint: disable=wrong-import-position

STRANGER = 61001


class HostEngine:
    def __init__(self, build, folder, machine):
        self.program = build / "tests" / "dcgm" / "hostengine"
        self.folder, self.machine = folder, machine
        self.socket = folder / "he.sock"
        self.process = None

    def start(self, address=None):
        self.process = subprocess.Popen([self.program, address or self.socket, self.folder],  # pylint: disable=consider-using-with
                                        env={"MIGSIM_MACHINE": str(self.machine)})
        if not address:
            wait("the host engine listens", self.socket.exists)

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.socket.unlink(missing_ok=True)

    def report(self):
        try:
            return (self.folder / "report").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""


class Case:
    def __init__(self, build, folder):
        self.build, self.folder = build, pathlib.Path(folder)
        self.daemon = frame.Daemon(build / "bin", folder)
        for words in (("mode", "enable"), ("create", *7 * ["1g.5gb"])):
            self.daemon.on_box(*words)
        self.engine = HostEngine(build, self.folder, self.folder / "machines" / "box")
        self.children = []

    def serve(self, *words, library="lib"):
        self.daemon.arguments = ("--sample", "200ms", *words)
        self.daemon.environment["LD_LIBRARY_PATH"] = str(self.build / "tests" / "dcgm" / library)
        self.daemon.start()

    def asked(self, use="auto", **more):
        self.serve("--dcgm-activity", use, "--dcgm-engine", str(self.engine.socket), **more)

    def sample(self):
        status, document = self.daemon.document("GET", "/v1/sample", which="unix")
        expect(status == 200, f"/v1/sample: {status}")
        return document

    def instances(self):
        gpus = self.sample()["gpus"]
        return gpus[0]["gpuInstances"] if gpus else []

    def known(self):
        return wait("activity by DCGM of all instances", lambda: (found := self.instances()) and all(
            one["activitySource"] == "dcgm" and one["activity"]["sm"] is not None for one in found) and found)

    def unknown(self, words):
        """Every instance's activity is unknown, and says so with these words."""
        return wait(lambda: f"{words!r}; it is {[(i['activitySource'], i['activityReason']) for i in self.instances()]}",
                    lambda: (found := self.instances()) and all(
                        one["activitySource"] == "unknown" and words in one["activityReason"]
                        and not any(value is not None for value in one["activity"].values()) for one in found))

    def health(self):
        status, document = self.daemon.document("GET", "/v1/health", which="unix")
        return status, {part["name"]: part["trouble"] or "" for part in document["parts"]}

    def metrics(self, query=""):
        status, page, _ = self.daemon.ask("GET", f"/metrics{query}", which="unix")
        expect(status == 200, f"/metrics: {status}")
        return page

    def hog(self, kind, uuid):
        self.children.append(subprocess.Popen(  # pylint: disable=consider-using-with
            [self.daemon.bin / "mig-workload", "hog", kind, "--device", uuid, "--seconds", "600"],
            env={**self.daemon.environment, "MIGSIM_MACHINE": str(self.engine.machine)}, stdout=subprocess.DEVNULL))

    def end(self):
        for child in self.children:
            child.kill()
            child.wait()
        self.engine.end()
        if self.daemon.process and self.daemon.process.poll() is None:
            self.daemon.kill()


def by_instance(page, family):
    return {int(gi): float(value) for gi, value in re.findall(rf'^{family}{{[^}}]*?\b(?:gi|GPU_I_ID)="(\d+)"[^}}]*}} (\S+)$',
                                                              page, re.MULTILINE)}


def off_by_default(case):
    case.serve()
    case.unknown("dcgm_activity: auto in migd.yaml")
    expect("dcgm" not in case.health()[1], "there is no part dcgm where it is off")
    with open(f"/proc/{case.daemon.process.pid}/maps", encoding="utf-8") as maps:
        expect("libdcgm" not in maps.read(), "libdcgm is loaded though nobody asked for it")
    case.daemon.stop()
    print("off by default: unknown, the reason says how to have it, libdcgm is not loaded")


def values_everywhere(case):
    case.engine.start()
    case.asked()
    uuids = [one["computeInstances"][0]["uuid"] for one in case.known()]
    expect(len(uuids) == 7, f"seven instances: {uuids}")
    case.hog("tensor", uuids[1])
    case.hog("dram", uuids[4])
    found = wait("the two that work are seen to work", lambda: (now := case.instances())
                 and now[1]["activity"]["tensor"] > 0.3 and now[4]["activity"]["dram"] > 0.5 and now)
    busy = {found[1]["id"], found[4]["id"]}
    expect(all(one["activity"]["sm"] == 0 for one in found if one["id"] not in busy), f"the others are idle: {found}")
    expect(all(one["computeInstances"][0]["activity"] == one["activity"] for one in found), "a whole compute instance has the same")
    page = case.metrics("?dcgm=legacy")
    for family in ("mig_instance_sm_activity_ratio", "mig_instance_dram_activity_ratio", "DCGM_FI_PROF_SM_ACTIVE",
                   "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "DCGM_FI_PROF_DRAM_ACTIVE"):
        values = by_instance(page, family)
        expect(len(values) == 7, f"{family}: {values}")
        if "SM_ACT" in family.upper():
            expect({gi for gi, value in values.items() if value > 0.05} >= {found[1]["id"]}, f"{family}: {values}")
            expect(all(value == 0 for gi, value in values.items() if gi not in busy), f"{family}: {values}")
    expect(page.count('mig_instance_activity_source{') == 7 and page.count('source="dcgm"') >= 7, "the source is named")
    expect('mig_collector_success{collector="dcgm"' in page, "the collector is told")
    case.daemon.environment["MIGCTL_SOCKET"] = str(case.daemon.socket)
    top = json.loads(case.daemon.on_box("top", "--once", "--json").stdout)
    shown = {one["id"]: one for one in top["gpus"][0]["gpuInstances"]}
    expect(all(one["activitySource"] == "dcgm" for one in shown.values()) and shown[found[1]["id"]]["activity"]["tensor"] > 0.3,
           f"migctl top: {shown}")
    status, parts = case.health()
    expect(status == 200 and parts["dcgm"] == "", f"health: {parts}")
    print("seven instances, two at work: /v1/sample, /metrics (own and DCGM's names) and migctl top agree; source dcgm")


def layout_changes(case):
    case.daemon.on_box("destroy", "--gi", str(case.instances()[0]["id"]))
    wait("six instances, all known", lambda: len(case.known()) == 6)
    wait("six instances and the GPU are watched", lambda: "entities 7 watches 2 groups 4" in case.engine.report())
    print(f"an instance goes, its watch goes: {case.engine.report()}")


def gives_way(case):
    """A change that closes the driver closes the connection too, for as long as it takes."""
    look = f"for i in $(seq 1200); do grep -q '^connections 0 entities 0' {case.folder}/report && exit 0; sleep 0.05; done; exit 1"
    done = case.daemon.on_box("quiesce", "--", "sh", "-c", look, fails=True)
    expect(done.returncode == 0, f"quiesce: {done.returncode} {done.stderr} {case.engine.report()}")
    case.known()
    print("quiesce: nothing is watched meanwhile, and again after it")


def engine_hangs(case):
    os.kill(case.engine.process.pid, signal.SIGSTOP)
    case.unknown("the DCGM host engine has not answered for ")
    status, parts = case.health()
    expect(status == 503 and "has not answered" in parts["dcgm"] and parts["sampler"] == "", f"health: {status} {parts}")
    sample = case.sample()
    expect(sample["gpus"][0]["powerWatts"] is not None and not sample.get("withdrawn"), "the other readings go on")
    expect(not by_instance(case.metrics("?dcgm=legacy"), "DCGM_FI_PROF_SM_ACTIVE"), "no series of what is not known")
    os.kill(case.engine.process.pid, signal.SIGCONT)
    case.known()
    wait("health is good again", lambda: case.health()[0] == 200)
    print("stopped (SIGSTOP): unknown and 503 within seconds, the other readings go on; continued: known again")


def engine_dies(case):
    case.engine.end()
    wait("unknown", lambda: all(one["activitySource"] == "unknown" for one in case.instances()))
    status, parts = case.health()
    expect(status == 503 and parts["dcgm"], f"health: {status} {parts}")
    case.engine.start()
    case.known()
    wait("health is good again", lambda: case.health()[0] == 200)
    print("killed: unknown and 503; started again: known again, without a restart of migd")


def watches_end_with_us(case):
    for how in ("SIGKILL", "SIGTERM"):
        expect("connections 1 entities 7" in case.engine.report(), case.engine.report())
        if how == "SIGKILL":
            case.daemon.kill()
        else:
            case.daemon.stop()
        wait(f"nothing is left after {how}", lambda: case.engine.report() == "connections 0 entities 0 watches 0 groups 0")
        case.asked()
        case.known()
    print("migd killed (SIGKILL) or stopped: the engine watches nothing any more")


def hung_engine_does_not_keep_migd(case):
    os.kill(case.engine.process.pid, signal.SIGSTOP)
    case.unknown("has not answered")
    case.daemon.process.send_signal(signal.SIGTERM)
    case.daemon.process.wait(frame.PATIENCE)
    os.kill(case.engine.process.pid, signal.SIGCONT)
    print("migd ends also while the engine hangs")


def over_tcp(case):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    case.engine.end()
    case.engine.start(str(port))
    case.serve("--dcgm-activity", "require", "--dcgm-engine", f"localhost:{port}")
    case.known()
    case.daemon.stop()
    case.engine.end()
    case.engine.start()
    print("over TCP as well")


def wrong_ones(case):
    for library, words in (("without_watch", "has no function dcgmWatchFields"), ("other_version", "Another version (-12)")):
        case.asked(library=library)
        case.unknown(words)
        expect(words in case.health()[1]["dcgm"], f"health: {case.health()}")
        case.daemon.stop()
    case.engine.end()
    for use, library, words, code in (("auto", "none", "there is no libdcgm.so.4", 200), ("require", "none", "there is no libdcgm.so.4", 503),
                                      ("auto", "lib", "no DCGM host engine listens", 200), ("require", "lib", "no DCGM host engine listens", 503)):
        case.asked(use, library=library)
        case.unknown(words)
        expect(case.health()[0] == code, f"{use} with {words}: {case.health()}")
        case.daemon.stop()
    print("symbol missing, other version: told; no library, no engine: unknown under auto, 503 under require")
    if os.geteuid() == 0:
        case.engine.start()
        os.chown(case.engine.socket, STRANGER, STRANGER)
        case.asked()
        case.unknown("not to root: no host engine that can be believed")
        expect("connections 0" in case.engine.report(), case.engine.report())
        case.daemon.stop()
        case.engine.end()
        print("another user's socket is not connected to")
    bad = case.daemon.on_box("serve", "--dcgm-activity", "auto", "--dcgm-engine", "node7:5555", fails=True)
    expect(bad.returncode != 0 and "no address of a host engine of this machine" in bad.stderr, bad.stderr)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mig-dcgm-") as folder:
        case = Case(pathlib.Path(sys.argv[1]).resolve(), folder)
        try:
            for part in (off_by_default, values_everywhere, layout_changes, gives_way, engine_hangs, engine_dies,
                         watches_end_with_us, hung_engine_does_not_keep_migd, over_tcp, wrong_ones):
                part(case)
        finally:
            case.end()
    return 0


if __name__ == "__main__":
    frame.end(main)
