#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command with --json, and every document of the daemon, against the JSON Schema (json_check.py).

    json_documents.py BIN     BIN: folder of migctl and mig-workload

Each document must be as its schema says, and together they must be of every kind that the schema knows: a kind that
nobody gives out has no business there. Exit code 1 and a line for each complaint.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import json_check

GOLDENS = pathlib.Path(__file__).resolve().parents[2] / "src/wire/testdata"
LAYOUT = """version: v1
mig-configs:
  mixed:
    - devices: [0]
      mig-enabled: true
      mig-devices: {"1g.5gb": 2, "2g.10gb": 1, "3g.20gb": 1}
  impossible:
    - devices: [0]
      mig-enabled: true
      mig-devices: {"3g.20gb": 3}
"""
TENANTS = """version: v1
tenants:
  a: {users: [root], job: {create: true}}
"""
COMPOSE = """services:
  a: {image: x, x-migctl: {profile: 1g.5gb}}
  b: {image: x, gpus: [{driver: nvidia, device_ids: ["MIG-x"]}], x-migctl: {}}
"""
# Commands of `migctl --sim box`, one per line, in order; {lease} is the last granted lease.
COMMANDS = """
version --json
list --json
plan -f layout.yaml -c mixed --json
plan -f layout.yaml -c impossible --json
plan -f layout.yaml -c mixed --spare 7g.40gb --json
apply -f layout.yaml -c mixed --json
apply -f layout.yaml -c mixed --json
assert -f layout.yaml -c mixed --json
assert -f layout.yaml -c impossible --json
profiles --json
placements --json
holders --json
slot set train-a --gpu 0 --profile 2g.10gb --placement 0:2 --json
slot list --json
slot resolve train-a --json
slot resolve train-b --json
cdi generate --json
cdi list --json
cdi check --json
cdi generate --kind bad --json
compose render --image train --json
compose render compose.yaml -o override.yaml --json
compose check compose.yaml override.yaml --json
compose check compose.yaml --json
run --profile 1g.5gb --json -- true
run --profile 7g.40gb --json -- true
run --count 2 --profile 1g.5gb --json -- true
run -d --profile 3g.20gb --json -- sleep 600
jobs --json
holders --json
plan -f layout.yaml -c impossible --json
destroy --all -n --json
stop 1 2 3 --json
jobs --all --json
lease acquire --profile 1g.5gb --for 1h --name a --json
lease acquire --profile 1g.5gb --unit nobody.service --json
lease acquire --profile 1g.5gb --pid 1 --json
lease list --json
lease queue --json
free --json
destroy --all -n --json
holders --json
lease release 9999 --json
lease release {lease} --json
tenant list --json
tenant show --json
tenant check tenants.yaml --json
tenant check nobody.yaml --json
token create ci --user 61001 --json
token list --json
tenant reload --json
create 1g.5gb -i 1 --json
mode enable -i 1 --json
create 1g.5gb -i 1 -n --json
lease acquire --profile 2g.10gb --gpu 1 --create --for 1m --json
history --last 1 --json
undo -n --json
history --json
history --change 1 --json
history --leases --json
recover --json
slurm generate --json
slurm check --node gpu01 --json
slurm recover --json
slurm apply -f layout.yaml -c mixed --json
doctor --json
doctor --list --json
doctor --check nothing --json
top --json
checkpoint -f saved.json
restore -f saved.json -n --json
no-such-command --json
isolate-test --rounds 1 --seconds 0.1 --neighbours dram --modes mig --json
compare-sharing --rounds 1 --seconds 0.1 --json
rightsize --lab-models --seconds 0.2 --json
cost --from 1h --json
cost --from 1h --by job --policy full-cost --json
cost compare --json
lab list --json
lab check 2.2 --json
"""
WITHOUT_MACHINE = """
--sim nobody list --json
plan -f layout.yaml -c mixed --model a100-sxm4-40gb,2 --json
cost prices --json
rightsize --measured full=36.6ms,2g.10gb=87.3ms --model a100-sxm4-40gb --json
lab --only 1.2 --report lab.html --json
lab class --students 1 --json
lab class --remove
sim create other --gpus h200-141gb --json
sim create other --gpus h200-141gb --json
sim list --json
sim list --check --json
sim boards --json
sim clients other --start dcgm --json
sim clients other --json
sim inject other --call nvmlDeviceGetMigMode --return 999 --json
sim inject other --list --json
sim env other --json
sim capture --sim other --json
--sim other sim capture --json
--sim other sim capture -o board.json --json
sim reset other --json
sim reboot other --json
sim destroy other --json
sim nonsense --json
"""


class Documents:
    """Collects documents and their faults."""

    def __init__(self):
        self.schema = json_check.load()
        self.complaints = []
        self.kinds = set()

    def take(self, where, document):
        self.kinds.add(document.get("kind"))
        self.complaints += [f"{where}: {line}" for line in json_check.document_problems(document, self.schema)]

    def missing(self):
        return sorted({one["$ref"].rsplit("/", 1)[1] for one in self.schema["oneOf"]} - self.kinds)


def run(command, environment, folder):
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, check=False)


def walk(documents, environment, folder):
    lease = ""
    for line in COMMANDS.strip().splitlines():
        done = run(["migctl", "--sim", "box", *line.format(lease=lease).split()], environment, folder)
        found = list(json_check.documents_in(done.stdout + done.stderr))
        if not found and "--json" in line and done.stdout.strip():
            documents.complaints.append(f"{line}: printed no document: {done.stdout[:200]}{done.stderr[:200]}")
        for document in found:
            documents.take(line, document)
            if document["kind"] == "LeaseGrant":
                lease = str(document["leases"][0]["id"])
    for line in WITHOUT_MACHINE.strip().splitlines():
        done = run(["migctl", *line.split()], environment, folder)
        for document in json_check.documents_in(done.stdout):
            documents.take(line, document)


def ask_daemon(documents, environment, folder):
    """The clients' socket, in the terms of the API."""
    path = os.path.join(folder, "migd.sock")
    with subprocess.Popen(["migctl", "--sim", "box", "serve", "--socket", path], env=environment, cwd=folder,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as daemon:
        try:
            subprocess.run(["soon", "test", "-S", path], env=environment, check=True)
            need = json.dumps({"need": {"profile": "1g.5gb"}, "limitMs": 60000})
            for method, where, body in (
                    ("GET", "/v1/inventory", ""), ("GET", "/v1/leases", ""), ("GET", "/v1/queue", ""),
                    ("GET", "/v1/free", ""), ("GET", "/v1/health", ""), ("GET", "/v1/sample", ""), ("GET", "/v1/history", ""),
                    ("GET", "/v1/usage", ""), ("GET", "/v1/usage?fromMs=9", ""),
                    ("GET", "/v1/tenants", ""), ("GET", "/v1/me", ""), ("GET", "/v1/jobs", ""), ("POST", "/v1/plan", "{}"),
                    ("POST", "/v1/reload", ""), ("POST", "/v1/reload", "{}"),
                    ("GET", "/v1/history/leases?limit=1", ""), ("POST", "/v1/leases", need),
                    ("POST", "/v1/leases", "{"), ("GET", "/v1/nothing", ""), ("DELETE", "/v1/leases/9999", "")):
                answer = request(path, method, where, body)
                # A long one comes in a single line.
                found = list(json_check.documents_in(answer)) or [json.loads(line) for line in answer.splitlines() if line[:1] == "{"]
                if not found:
                    documents.complaints.append(f"{method} {where}: no document: {answer[:300]}")
                for document in found:
                    documents.take(f"{method} {where}", document)
            documents.take("GET /v1/events", json.loads(first_event(path)))
            told = run(["migctl", "--sim", "box", "rightsize", "--from-history", "--json"], environment, folder)
            for document in json_check.documents_in(told.stdout):
                documents.take("rightsize --from-history", document)
        finally:
            daemon.terminate()


def first_event(path):
    """The daemon says at once that it does not know what happened since."""
    import socket  # pylint: disable=import-outside-toplevel
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(path)
        client.sendall(b"GET /v1/events HTTP/1.0\r\nLast-Event-ID: x\r\n\r\n")
        with client.makefile("r", encoding="utf-8") as lines:
            return next(line for line in lines if line.startswith("data: "))[len("data: "):]


def request(path, method, where, body):
    import http.client  # pylint: disable=import-outside-toplevel
    import socket  # pylint: disable=import-outside-toplevel
    connection = http.client.HTTPConnection("localhost", timeout=30)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(path)
    connection.request(method, where, body or None, {"Content-Type": "application/json"})
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    documents = Documents()
    for path in sorted(GOLDENS.glob("*.json")):
        documents.take(path.name, json.loads(path.read_text(encoding="utf-8")))
    helpers = pathlib.Path(__file__).resolve().parent / "bin"
    with tempfile.TemporaryDirectory(prefix="mig-json-") as folder:
        environment = {"PATH": f"{pathlib.Path(sys.argv[1]).resolve()}:{helpers}:{os.environ['PATH']}", "HOME": folder,
                       "LC_ALL": "C.UTF-8", "MIGSIM_ROOT": os.path.join(folder, "machines"), "NO_COLOR": "1"}
        pathlib.Path(folder, "layout.yaml").write_text(LAYOUT, encoding="utf-8")
        pathlib.Path(folder, "compose.yaml").write_text(COMPOSE, encoding="utf-8")
        pathlib.Path(folder, "tenants.yaml").write_text(TENANTS, encoding="utf-8")
        made = run(["migctl", "sim", "create", "box", "--gpus", "2x a100-sxm4-40gb"], environment, folder)
        if made.returncode != 0:
            print(made.stderr)
            return 1
        walk(documents, environment, folder)
        ask_daemon(documents, environment, folder)
    complaints = documents.complaints + [f"no document of kind {kind} was seen" for kind in documents.missing()]
    for line in complaints:
        print(line)
    print(f"{len(documents.kinds)} kinds, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
