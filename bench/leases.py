#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Leases per second through migd, and what 100,000 of them leave behind in store and daemon.

Usage: leases.py BIN_DIR [--seconds S] [--total N] [--out FILE]
       leases.py BIN_DIR --load [--seconds S] [--out FILE]
A simulated machine of our own: 8 GPUs, 56 instances, latencies of driver calls off, so this is migctl's own cost.
"one client" asks and gives back over one connection; "16 clients" are processes that do so at once, fewer than
instances, so nobody waits; "by commands" starts `migctl lease acquire` and `release` as a shell script would;
"run true" takes a lease, runs a command and gives it back.

--load: 1 to 10,000 clients of root that lease, hold (50 ms, 2 s) and give back without a pause (lease_load.py), and 1 to
200 of two ordinary users ("users": 2), whose leases end with a look at their processes. "ofPossible" is
the time that instances were held by clients, of the time that they could have been in the same run; "daemonCpu" is in
cores; "list" is `GET /v1/leases` of another client meanwhile. "fairness": two users with leases of 0.4 s and 2 s, who
always wait; their shares of the time held are to be equal. Root only (clients of two users).
"""
import argparse
import http.client
import json
import os
import pathlib
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import lease_load

GPUS, PER_GPU = 8, 7
CLIENTS = (1, 56, 200, 500, 950, 1000, 10_000)
CLIENTS_OF_USERS = (1, 56, 200)
HOLDS = (0.05, 2.0)
FAIR = ((61001, 0.4), (61002, 2.0))


class Client(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("migd", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)

    def ask(self, method, target, body=None):
        self.request(method, target, json.dumps(body) if body is not None else None)
        answer = self.getresponse()
        document = json.loads(answer.read())
        if answer.status != 200:
            sys.exit(f"{method} {target}: {answer.status}: {document}")
        return document


def milliseconds(values):
    ordered = sorted(values)
    return {"medianMs": round(statistics.median(ordered) * 1e3, 3),
            "p99Ms": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1e3, 3)}


def pairs(path, seconds):
    """Times of acquire and release over one connection."""
    client = Client(path)
    body = {"need": {"profile": "1g.5gb"}, "holder": {"pid": os.getpid()}, "waitMs": 60000}
    acquires, releases = [], []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        lease = client.ask("POST", "/v1/leases", body)["leases"][0]["id"]
        middle = time.perf_counter()
        client.ask("DELETE", f"/v1/leases/{lease}")
        acquires.append(middle - begin)
        releases.append(time.perf_counter() - middle)
    return acquires, releases


def many_clients(path, clients, seconds):
    readers = []
    for _ in range(clients):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            acquires, _ = pairs(path, seconds)
            with os.fdopen(writer, "w") as out:
                json.dump(acquires, out)
            os._exit(0)
        os.close(writer)
        readers.append(os.fdopen(reader))
    times = [value for reader in readers for value in json.load(reader)]
    for _ in range(clients):
        os.wait()
    return {"leasesPerSecond": round(len(times) / seconds, 1), "acquire": milliseconds(times)}


def by_commands(machine, seconds):
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        uuid = machine.run("lease", "acquire", "--profile", "1g.5gb", "--pid", str(os.getpid()), "--json")
        machine.run("lease", "release", str(json.loads(uuid)["leases"][0]["id"]))
        count += 1
    return {"leasesPerSecond": round(count / seconds, 1)}


def by_run(machine, rounds):
    times = {"exec": [], "run": []}
    for _ in range(rounds):
        begin = time.perf_counter()
        subprocess.run(["true"], check=True)
        middle = time.perf_counter()
        machine.run("run", "--", "true")
        times["exec"].append(middle - begin)
        times["run"].append(time.perf_counter() - middle)
    return {"exec": milliseconds(times["exec"]), "run": milliseconds(times["run"])}


class Machine:
    def __init__(self, bin_dir, root):
        self.migctl = os.path.join(os.path.abspath(bin_dir), "migctl")
        self.root = root
        self.environment = {**os.environ, "MIGSIM_ROOT": root, "HOME": root, "NO_COLOR": "1"}
        self.environment.pop("MIGSIM_MACHINE", None)
        self.socket = self.environment["MIGCTL_SOCKET"] = os.path.join(root, "migd.sock")
        self.run("sim", "create", "many", "--gpus", f"{GPUS}x a100-sxm4-40gb", "--latency", "none", sim=False)
        self.run("mode", "enable")
        for gpu in range(GPUS):
            self.run("create", "-i", str(gpu), *["1g.5gb"] * PER_GPU)
        self.daemon = None

    def run(self, *words, sim=True):
        command = [self.migctl, *(("--sim", "many") if sim else ()), "-q", *words]
        if not sim:
            command.remove("-q")
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{command}: exit {done.returncode}: {done.stderr[-500:]}")
        return done.stdout

    def serve(self):
        self.daemon = subprocess.Popen([self.migctl, "--sim", "many", "-q", "serve"], env=self.environment,
                                       stdout=subprocess.DEVNULL)
        while not os.path.exists(self.socket):
            time.sleep(0.02)
        time.sleep(0.2)

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        if self.daemon.wait(20) != 0:
            sys.exit(f"migd ended with {self.daemon.returncode}")

    def memory(self):
        fields = {}
        for line in pathlib.Path(f"/proc/{self.daemon.pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, value = line.split(":")
            fields[name] = int(value.split()[0])
        store = sum(path.stat().st_size for path in pathlib.Path(self.root, "many").glob("leases.db*"))
        return {"daemonPrivateKib": fields["Private_Clean"] + fields["Private_Dirty"], "storeKib": store // 1024}


def after_many(machine, total):
    """`total` leases, acquired 56 at a time and released one by one; the daemon's memory over time."""
    client = Client(machine.socket)
    body = {"need": {"profile": "1g.5gb"}, "holder": {"pid": os.getpid()}, "count": GPUS * PER_GPU, "waitMs": 60000}
    rows = [{"leases": 0, **machine.memory()}]
    done = 0
    while done < total:
        for lease in client.ask("POST", "/v1/leases", body)["leases"]:
            client.ask("DELETE", f"/v1/leases/{lease['id']}")
            done += 1
        if done >= rows[-1]["leases"] + total // 5 or done >= total:
            rows.append({"leases": done, **machine.memory()})
            print(rows[-1], flush=True)
    return rows


def load_table(bin_dir, seconds):
    with tempfile.TemporaryDirectory(prefix="mig-load-") as root:
        os.chmod(root, 0o755)
        machine = Machine(bin_dir, root)
        machine.serve()
        rows = []
        for hold in HOLDS:
            for clients in CLIENTS:
                rows.append(lease_load.contention(machine.socket, machine.daemon.pid, [(0, clients, hold)],
                                                  GPUS * PER_GPU, seconds))
                print(json.dumps(rows[-1]), flush=True)
        for clients in CLIENTS_OF_USERS:
            uids = [uid for uid, _ in FAIR[:min(clients, len(FAIR))]]
            groups = [(uid, clients // len(uids), HOLDS[0]) for uid in uids]
            rows.append({"users": len(uids), **lease_load.contention(machine.socket, machine.daemon.pid, groups, GPUS * PER_GPU, seconds)})
            print(json.dumps(rows[-1]), flush=True)
        groups = [(uid, 80, hold) for uid, hold in FAIR]
        fair = lease_load.contention(machine.socket, machine.daemon.pid, groups, GPUS * PER_GPU, max(seconds, 30))
        shares = [round(held / sum(fair["heldByGroup"]), 4) for held in fair["heldByGroup"]]
        fair = {**fair, "holdMs": [round(hold * 1e3) for _, hold in FAIR], "shares": shares}
        print(json.dumps(fair), flush=True)
        machine.stop()
    return {"rows": rows, "fairness": fair}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--total", type=int, default=100_000)
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--out")
    args = parser.parse_args()
    about = {"date": time.strftime("%Y-%m-%d"), "gpus": GPUS, "instances": GPUS * PER_GPU, "simulated": True,
             "host": {"kernel": platform.release(), "cpus": os.cpu_count()}}
    if args.load:
        document = {"name": "leases_load", **about, "loadAverageBefore": os.getloadavg()[0],
                    **load_table(args.bin_dir, args.seconds)}
        if args.out:
            pathlib.Path(args.out).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        return
    with tempfile.TemporaryDirectory(prefix="mig-leases-") as root:
        machine = Machine(args.bin_dir, root)
        direct = by_commands(machine, args.seconds)
        machine.serve()
        acquires, releases = pairs(machine.socket, args.seconds)
        result = {"oneClient": {"leasesPerSecond": round(len(acquires) / args.seconds, 1),
                                "acquire": milliseconds(acquires), "release": milliseconds(releases)},
                  "sixteenClients": many_clients(machine.socket, 16, args.seconds),
                  "byCommands": by_commands(machine, args.seconds),
                  "byCommandsWithoutDaemon": direct,
                  "runTrue": by_run(machine, 30)}
        for name, row in result.items():
            print(name, json.dumps(row), flush=True)
        result["afterMany"] = after_many(machine, args.total)
        machine.stop()
    if args.out:
        document = {"name": "leases", **about, **result}
        pathlib.Path(args.out).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
