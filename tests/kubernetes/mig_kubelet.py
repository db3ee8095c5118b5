#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program mig-kubelet between a real migd on a simulated machine, a fake API server and a kubelet's calls: claims prepared and freed,
the program killed at random moments, the API server and migd away, two components on one node, the older device plugin interface.

Usage: mig_kubelet.py BIN KUBELET_CALLS
"""
import contextlib
import http.client
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
import client as frame  # pylint: disable=wrong-import-position
from client import expect, wait  # pylint: disable=wrong-import-position

NODE = "node-1"
DRIVER = "mig.migctl.dev"
SLICES = "/apis/resource.k8s.io/v1/resourceslices"
KILLS = 20
MANY = 100


class Api:
    """tests/kubernetes/fake_api.py as a child process."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.process = subprocess.Popen([sys.executable, str(pathlib.Path(__file__).with_name("fake_api.py")), str(folder), "--plain"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.kubeconfig = self.folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "u", "user": {"token": "right"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}), encoding="utf-8")
        self.kubeconfig.chmod(0o600)
        self.say({"put": [f"/api/v1/nodes/{NODE}", {"kind": "Node", "metadata": {"name": NODE, "labels": {}}}]})

    def say(self, command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def http(self, method, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=frame.PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, headers={"Authorization": "Bearer right"})
            return json.loads(connection.getresponse().read())

    def claim(self, name, uid, *devices):
        results = [{"request": f"r{i}", "driver": DRIVER, "pool": NODE, "device": device} for i, device in enumerate(devices)]
        self.say({"put": [f"/apis/resource.k8s.io/v1/namespaces/team/resourceclaims/{name}", {
            "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": name, "namespace": "team", "uid": uid},
            "spec": {}, "status": {"allocation": {"devices": {"results": results}}}}]})

    def forget(self, name):
        self.say({"delete": f"/apis/resource.k8s.io/v1/namespaces/team/resourceclaims/{name}"})

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Kubelet:
    """mig-kubelet and what is around it."""

    def __init__(self, binaries, calls, folder):
        self.folder = pathlib.Path(folder)
        self.calls = pathlib.Path(calls).resolve()
        self.daemon = frame.Daemon(binaries, folder)
        self.daemon.on_box("mode", "enable")
        self.daemon.on_box("cdi", "generate")
        self.api = Api(folder)
        self.log = self.folder / "mig-kubelet.log"
        self.process = None

    def words(self, state="state", mode="dra"):
        return ["mig-kubelet", "--node-name", NODE, "--kubeconfig", str(self.api.kubeconfig), "--migd-socket", str(self.daemon.socket),
                "--kubelet-dir", str(self.folder / "kubelet"), "--state-dir", str(self.folder / state), "--mode", mode,
                "--node-config", "off"]

    def start(self, *more, mode="dra"):
        with self.log.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen([*self.words(mode=mode), *more], env=self.daemon.environment, stderr=log, stdin=subprocess.DEVNULL)

    def text(self):
        return self.log.read_text(encoding="utf-8")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(frame.PATIENCE)
        expect(code == 0, f"ended with {code}: {self.text()[-2000:]}")

    def check(self, *words):
        done = subprocess.run(["mig-kubelet", "check", "--state-dir", str(self.folder / "state"), *words], env=self.daemon.environment,
                              capture_output=True, text=True, check=False, timeout=frame.PATIENCE)
        return done.returncode, done.stdout + done.stderr

    def call(self, what, *claims):
        socket = f"plugins_registry/{DRIVER}-reg.sock" if what == "register" else f"plugins/{DRIVER}/dra.sock"
        done = subprocess.run([str(self.calls), what, str(self.folder / "kubelet" / socket), *claims], capture_output=True, text=True,
                              check=False, timeout=frame.PATIENCE)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def registered(self):
        wait("the driver registers", lambda: self.call("register") is not None)
        wait("it is ready", lambda: self.check("--ready")[0] == 0)

    def prepare(self, name, uid):
        answer = self.call("prepare", f"team/{name}/{uid}")
        return (answer[uid]["error"], [device["cdi"] for device in answer[uid]["devices"]]) if answer else ("no answer", [])

    def unprepare(self, name, uid):
        answer = self.call("unprepare", f"team/{name}/{uid}")
        return answer[uid]["error"] if answer else "no answer"

    def instances(self):
        gpus = json.loads(self.daemon.on_box("list", "--json", "--direct").stdout)["gpus"]
        return sorted((i["profile"], i["placement"]["start"]) for gpu in gpus for i in gpu["gpuInstances"])

    def leases(self):
        return self.daemon.document("GET", "/v1/leases", which="unix")[1]["leases"]

    def clean(self, when):
        wait(f"{when}: no lease is left", lambda: not self.leases())
        wait(f"{when}: no lease and no instance is left", lambda: not self.leases() and self.instances() == [])


def waits_and_starts(kubelet):
    """Nothing is there yet: it lives, says what it waits for, and goes on when that comes."""
    kubelet.start()
    wait("it waits for migd", lambda: "migd" in kubelet.check("--ready")[1] and kubelet.check("--ready")[0] != 0)
    expect(kubelet.check()[0] == 0, "and lives")
    expect(kubelet.process.poll() is None, kubelet.text())
    kubelet.daemon.start()
    kubelet.registered()
    expect(kubelet.text().count("migd: asking migd") == 1, f"told once: {kubelet.text()}")
    for path, mode in (("kubelet/plugins_registry", 0o750), (f"kubelet/plugins_registry/{DRIVER}-reg.sock", 0o600),
                       (f"kubelet/plugins/{DRIVER}/dra.sock", 0o600), ("state/status.sock", 0o600)):
        expect((kubelet.folder / path).stat().st_mode & 0o777 == mode, path)


def claims(kubelet):
    kubelet.api.claim("one", "uid-1", "gpu-0-mig-1g-5gb-6", "gpu-0-mig-3g-20gb-0")
    error, names = kubelet.prepare("one", "uid-1")
    expect(error == "" and len(names) == 2 and names[0][0].startswith("nvidia.com/gpu=MIG-"), f"{error} {names}")
    expect(kubelet.prepare("one", "uid-1") == (error, names), "the same claim gets the same instances")
    expect(kubelet.instances() == [("1g.5gb", 6), ("3g.20gb", 0)], kubelet.instances())
    expect({lease["job"] for lease in kubelet.leases()} == {"team/one"}, kubelet.leases())
    expect(kubelet.prepare("one", "uid-other")[0] != "", "another uid is refused")
    expect(kubelet.unprepare("one", "uid-1") == "", "freed")
    kubelet.clean("freed")
    kubelet.api.claim("strange", "uid-2", "gpu-9-mig-1g-5gb-0")
    expect("gpu-9" in kubelet.prepare("strange", "uid-2")[0], kubelet.prepare("strange", "uid-2"))
    answer = kubelet.call("prepare", *(f"team/none-{i}/uid-{i}" for i in range(MANY)))
    expect(len(answer) == MANY and all(one["error"] for one in answer.values()), "each claim is answered")
    kubelet.api.forget("strange")
    kubelet.api.forget("one")


def slices(kubelet):
    """What the API server has of this node names every placement of the board."""
    def devices():
        listed = kubelet.api.http("GET", SLICES)
        return {device["name"] for one in listed["items"] for device in one["spec"].get("devices", [])}
    wait("slices are published", lambda: {"gpu-0-mig-1g-5gb-6", "gpu-0-mig-3g-20gb-4", "gpu-0-mig-7g-40gb-0"} <= devices())


def api_away(kubelet):
    def faults(times):
        kubelet.api.say({"set": {"faults": [{"match": "GET .*/late", "do": "status", "code": 500, "times": times, "body": {
            "kind": "Status", "message": "etcd is away"}}]}})
    kubelet.api.claim("late", "uid-late", "gpu-0-mig-1g-5gb-0")
    faults(4)  # the attempt and three more within the call
    expect("etcd is away" in kubelet.prepare("late", "uid-late")[0], "the server's words")
    expect(kubelet.prepare("late", "uid-late")[0] == "", "the next call works")
    expect(kubelet.unprepare("late", "uid-late") == "", "it is freed")
    faults(1)
    expect(kubelet.prepare("late", "uid-late")[0] == "", "one error is made good within the call")
    kubelet.api.say({"set": {"token": "other"}})
    expect(kubelet.unprepare("late", "uid-late") == "", "freeing needs no API server")
    expect("nauthorized" in kubelet.prepare("late", "uid-late")[0], "a token that has expired")
    kubelet.api.say({"set": {"token": "right"}})
    wait("the token is right again", lambda: kubelet.prepare("late", "uid-late")[0] == "")
    kubelet.daemon.kill()
    error = kubelet.unprepare("late", "uid-late")
    expect("migd" in error, f"migd is away: {error}")
    kubelet.daemon.start()
    wait("migd is back", lambda: kubelet.unprepare("late", "uid-late") == "")
    kubelet.api.forget("late")
    kubelet.clean("all are back")


def two_components(kubelet):
    done = subprocess.run(kubelet.words("second_state"), env=kubelet.daemon.environment,
                          capture_output=True, text=True, check=False, timeout=frame.PATIENCE)
    expect(done.returncode != 0 and "two components" in done.stderr, f"{done.returncode} {done.stderr}")
    expect(kubelet.check("--ready")[0] == 0, "the first is not disturbed")


def restart(kubelet):
    """Pods run: nothing happens to them."""
    kubelet.api.claim("runs", "uid-runs", "gpu-0-mig-2g-10gb-2")
    before = kubelet.prepare("runs", "uid-runs")
    expect(before[0] == "", before)
    leases = [lease["id"] for lease in kubelet.leases()]
    kubelet.stop()
    expect(not (kubelet.folder / f"kubelet/plugins/{DRIVER}/dra.sock").exists(), "the sockets are gone")
    expect(kubelet.instances() == [("2g.10gb", 2)] and [lease["id"] for lease in kubelet.leases()] == leases, "stopped")
    kubelet.start()
    kubelet.registered()
    expect(kubelet.prepare("runs", "uid-runs") == before, "as before")
    expect([lease["id"] for lease in kubelet.leases()] == leases, "the same leases")
    expect(kubelet.unprepare("runs", "uid-runs") == "", "freed")
    kubelet.api.forget("runs")
    kubelet.clean("restarted")


def taken_by_one_that_is_gone(kubelet):
    """A claim's object was removed by force, and its device given to another: that one need not wait for the next ordinary repair."""
    kubelet.api.claim("forced", "uid-forced", "gpu-0-mig-3g-20gb-0")
    expect(kubelet.prepare("forced", "uid-forced")[0] == "", "prepared")
    kubelet.api.forget("forced")
    kubelet.api.claim("heir", "uid-heir", "gpu-0-mig-3g-20gb-0")
    wait("the gone one makes room", lambda: kubelet.prepare("heir", "uid-heir")[0] == "")
    expect([lease["job"] for lease in kubelet.leases()] == ["team/heir"], kubelet.leases())
    expect(kubelet.instances() == [("3g.20gb", 0)], kubelet.instances())
    expect(kubelet.unprepare("heir", "uid-heir") == "", "freed")
    kubelet.api.forget("heir")
    kubelet.clean("both are gone")


def killed_at_random(kubelet):
    chance = random.Random(7)
    for turn in range(KILLS):
        name, uid = f"c{turn}", f"uid-c{turn}"
        kubelet.api.claim(name, uid, "gpu-0-mig-1g-5gb-6", "gpu-0-mig-2g-10gb-0")
        what = chance.choice(["prepare", "unprepare"])
        if what == "unprepare":
            wait("prepared", lambda n=name, u=uid: kubelet.prepare(n, u)[0] == "")
        with subprocess.Popen([str(kubelet.calls), what, str(kubelet.folder / f"kubelet/plugins/{DRIVER}/dra.sock"),
                               f"team/{name}/{uid}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as call:
            time.sleep(chance.random() * 0.3)
            kubelet.kill()
            call.wait(frame.PATIENCE)
        gone = turn % 3 == 0  # the object was removed by force meanwhile: the kubelet never calls again
        if gone:
            kubelet.api.forget(name)
        kubelet.start()
        kubelet.registered()
        if gone:
            kubelet.clean(f"kill {turn} in {what}, claim gone")
            continue
        wait(f"kill {turn}: prepared", lambda n=name, u=uid: kubelet.prepare(n, u)[0] == "")
        expect(kubelet.instances() == [("1g.5gb", 6), ("2g.10gb", 0)], f"{turn}: {kubelet.instances()}")
        wait(f"kill {turn}: freed", lambda n=name, u=uid: kubelet.unprepare(n, u) == "")
        kubelet.api.forget(name)
        kubelet.clean(f"kill {turn} in {what}")


class OlderKubelet:
    """The kubelet's side of the device plugin interface."""

    def __init__(self, kubelet):
        self.kubelet = kubelet
        self.folder = kubelet.folder / "kubelet/device-plugins"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.told = kubelet.folder / "registrations"
        with self.told.open("w", encoding="utf-8") as out:
            self.process = subprocess.Popen([str(kubelet.calls), "listen", str(self.folder / "kubelet.sock")], stdin=subprocess.PIPE, stdout=out)

    def endpoint(self, resource):
        lines = [json.loads(line) for line in self.told.read_text(encoding="utf-8").splitlines()]
        found = [str(self.folder / one["endpoint"]) for one in lines if one["resource"] == resource]
        return found[-1] if found else None

    def call(self, what, resource, *ids):
        done = subprocess.run([str(self.kubelet.calls), what, self.endpoint(resource), *ids], capture_output=True, text=True, check=False,
                              timeout=frame.PATIENCE)
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr

    def end(self):
        self.process.stdin.close()
        self.process.wait(frame.PATIENCE)


def older_kubelet(kubelet):
    """An API server without resource.k8s.io/v1, and a kubelet that knows no CDI: by itself the device plugin, and the variable."""
    resource = "nvidia.com/mig-1g.5gb"
    kubelet.stop()
    kubelet.daemon.on_box("create", "-i", "0", "1g.5gb", "1g.5gb")
    there = kubelet.instances()
    older = OlderKubelet(kubelet)
    try:
        kubelet.start("--device-list", "envvar", mode="auto")
        wait("it registers", lambda: older.endpoint(resource))
        expect("by device-plugin" in kubelet.text(), kubelet.text()[-1000:])
        expect(not (kubelet.folder / f"kubelet/plugins/{DRIVER}/dra.sock").exists(), "never both")
        wait("it is ready", lambda: kubelet.check("--ready")[0] == 0)
        devices = older.call("devices", resource)
        expect(list(devices.values()) == ["Healthy", "Healthy"], devices)
        first, second = devices
        given = older.call("allocate", resource, first)
        expect(given == {"cdi": [], "environment": {"NVIDIA_VISIBLE_DEVICES": first}}, given)
        expect([(one["uuid"], one["job"]) for one in kubelet.leases()] == [(first, f"kubelet:{resource}")], kubelet.leases())
        again = older.call("allocate", resource, first, second)
        expect(again["environment"] == {"NVIDIA_VISIBLE_DEVICES": f"{first},{second}"}, again)
        expect("no such device" in older.call("allocate", resource, "MIG-none"), "an unknown one")
        expect(kubelet.instances() == there, f"none was made: {kubelet.instances()}")
        kubelet.stop()
        expect({one["uuid"] for one in kubelet.leases()} == {first, second}, "pods go on without it")
    finally:
        older.end()
    kubelet.api.say({"set": {"faults": [{"match": "GET /apis/resource.k8s.io/v1$", "do": "status", "code": 200,
                                         "body": {"kind": "APIResourceList"}}]}})
    kubelet.start(mode="auto")
    kubelet.registered()
    expect("by dra" in kubelet.text().rsplit("serves node", 1)[1], "where the API server has it")


def main():
    with tempfile.TemporaryDirectory(prefix="kubelet-") as folder:
        kubelet = Kubelet(sys.argv[1], sys.argv[2], folder)
        try:
            for case in (waits_and_starts, slices, claims, api_away, two_components, restart, taken_by_one_that_is_gone, killed_at_random, older_kubelet):
                begin = time.monotonic()
                case(kubelet)
                print(f"{case.__name__}: well ({time.monotonic() - begin:.1f} s)", flush=True)
            kubelet.stop()
        except BaseException:
            with contextlib.suppress(OSError):
                print(kubelet.text()[-4000:], file=sys.stderr)
            raise
        finally:
            for process in (kubelet.process, kubelet.daemon.process):
                if process and process.poll() is None:
                    process.kill()
                    process.wait()
            kubelet.api.end()
    return 0


if __name__ == "__main__":
    frame.end(main)
