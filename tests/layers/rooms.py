# SPDX-License-Identifier: Apache-2.0
"""The one table of rooms: the purpose of each, and the closed list of rooms that its files may include.

The list is not transitive: a room that is not named is refused, even when a named room includes it. So a file of cli/ that includes
node/node.h may not include planner/planner.h, though node/ does. docs/architecture.md is generated from this
table (architecture_page.py), and layers_test.py checks every #include against it.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Room:
    """A folder of the tree that is one library."""
    purpose: str
    may_include: tuple


def room(purpose, *may_include):
    return Room(purpose, may_include)


ROOMS = {
    "abi": room("our declarations of the NVML C ABI, of libdcgm's (`dcgm.h`), and of the simulator's control table (`simulated.h`)"),
    "mig": room("public values and errors: the contract between all rooms, and what is installed"),
    "base": room("Result/Error helpers, strings, units, processes, fd, file lock, atomic write, clock", "mig"),
    "model": room("implementation of `include/mig`: names, inventory, layouts, plans; invariants, parse, print; the values that "
                  "leave the house", "mig", "base", "abi"),
    "config": room("YAML/JSON layout files to DesiredLayout and back", "mig", "base", "model"),
    "planner": room("placement search, diff, order, proof. Pure: no I/O, no clock, no threads", "mig", "base", "model"),
    "catalog": room("board files to `mig::Gpu`, without driver and disk ([ADR 0008](adr/0008-catalogue-and-values.md))",
                    "mig", "base", "model"),
    "nvml": room("dlopen, function table, return code to Error, session", "mig", "base", "abi"),
    "dcgm": room("NVIDIA's libdcgm at run time: where a host engine listens and whether to believe it, a connection, watches "
                 "([ADR 0022](adr/0022-dcgm.md))", "mig", "base", "abi"),
    "compat": room("the libnvidia-ml.so.1 of `run --compat index`: one instance as device 0, all other calls forwarded to the driver's "
                   "([ADR 0028](adr/0028-index-view.md))", "abi"),
    "device": room("Inventory from a session; one function per write operation", "mig", "base", "model", "nvml", "abi"),
    "store": room("SQLite: journal, slots, leases, history, jobs; paths and sockets of a machine", "mig", "base", "model"),
    "holders": room("who stands in the way: processes, services, modules, from the driver's lists, /proc and the leases",
                    "mig", "base", "model", "store"),
    "observe": room("the sampler: one reading of GPUs, instances and processes per tick; energy, Xids, history",
                    "mig", "base", "model", "nvml", "dcgm", "device", "store", "holders", "abi"),
    "apply": room("preflight, locks, step loop, rollback, recovery",
                  "mig", "base", "model", "planner", "nvml", "device", "store", "holders"),
    "lease": room("who holds which instance, who waits; the scheduler is a pure function",
                  "mig", "base", "model", "store", "planner", "holders"),
    "launch": room("run jobs on instances: processes, namespaces, cgroups, records, logs",
                   "mig", "base", "model", "store", "holders", "lease"),
    "advise": room("isolation verdicts and ways to share (statistics), costs (whole numbers), the profile that a job needs: pure", "mig", "base", "model"),
    "report": room("a written report (model/report_values.h) as one HTML file and as Markdown: escaping, limits, charts as SVG. Pure "
                   "([ADR 0026](adr/0026-report.md))", "mig", "base", "model"),
    "cdi": room("the CDI file: devices, nodes and libraries of a machine as containers get them; who else names them",
                "mig", "base", "model", "config", "store"),
    "compose": room("Compose files against a machine: which instance each service gets, what is stale and why; writes them. Pure "
                    "([ADR 0021](adr/0021-compose.md))", "mig", "base", "model", "config", "cdi"),
    "node": room("`Node`: driver session, one cached snapshot, plan, apply, history, slots, after-change listeners",
                 "mig", "base", "model", "config", "planner", "nvml", "device", "store", "holders", "apply", "lease", "cdi"),
    "doctor": room("`migctl doctor`: checks of a machine with evidence, cause and remedy; each in a process with a time limit",
                   "mig", "base", "model", "config", "nvml", "device", "store", "holders", "cdi", "node"),
    "library": room("implementation of `include/mig/machine.h`, and libmig: one archive of what it needs",
                    "mig", "base", "config", "node"),
    "service": room("use cases that command line and daemon share",
                    "mig", "base", "model", "config", "planner", "nvml", "device", "store", "holders", "apply", "lease",
                    "launch", "advise", "node", "cdi", "compose"),
    "wire": room("JSON of every public value, both ways, versioned", "mig", "base", "model"),
    "expose": room("metric families of a sample and their text: own names, DCGM's, OpenMetrics. Pure", "mig", "base", "model"),
    "smi": room("nvidia-smi's dialect on NVML ([ADR 0002](adr/0002-smi-room.md))", "mig", "base", "nvml"),
    "http": room("HTTP/1.1 over a UNIX socket and TCP, server and client; the only user of Boost; knows no JSON", "mig", "base"),
    "client": room("daemon or node, whichever is there: leases, leased runs, warm reads",
                   "mig", "base", "model", "store", "lease", "launch", "node", "service", "wire", "http"),
    "web": room("the dashboard: HTML, CSS and JavaScript, which the build makes part of migd "
                "([ADR 0016](adr/0016-dashboard.md))"),
    "daemon": room("migd: the API over the use cases, and the dashboard's files",
                   "mig", "base", "model", "store", "observe", "node", "service", "wire", "http", "smi", "expose"),
    "top": room("`migctl top`: frames as a pure function of a sample, keys, the terminal through ncursesw", "mig", "base", "model"),
    "slurm": room("a Slurm node: gres.conf and slurm.conf from the layout, a change with drain and restart, prolog and epilog",
                  "mig", "base", "model", "config", "store", "lease", "launch", "node", "service", "wire", "client", "holders"),
    "lab": room("`migctl lab`: the exercises as commands that are run and shown, a student's machine judged, a class; its report as a "
                "value ([ADR 0027](adr/0027-lab.md))", "mig", "base", "model", "launch", "http"),
    "cli": room("`main.cc` + `cmd_<verb>.cc`: parse, call one function, print ([ADR 0003](adr/0003-one-binary.md))",
                "mig", "base", "model", "catalog", "node", "doctor", "service", "client", "wire", "smi", "daemon", "observe", "top", "slurm",
                "report", "lab", "sim/tools"),
    "sim/machine": room("state, lock, MIG semantics, telemetry, faults of the simulated machine", "abi"),
    "sim/gpus": room("one JSON per board, and the loader that turns them into `Board`", "sim/machine"),
    "sim/tree": room("the machine's /proc, /sys and /dev as files, in step with its instances", "sim/machine"),
    "sim/exports": room("libnvidia-ml.so.1", "abi", "sim/machine", "sim/tree"),
    "sim/client": room("C API for simulated workloads (`migsim.h`, libmigsim.so)", "abi", "sim/machine"),
    "sim/tools": room("create, list, destroy, env, shell, inject", "abi", "sim/machine", "sim/gpus", "sim/tree", "sim/client"),
    "sim/dcgm": room("for tests only: a libdcgm.so.4 and a host engine over the simulated machine's activity", "abi", "sim/machine"),
    "workload": room("programs that run on an instance", "sim/client"),
    "kubernetes/api": room("the Kubernetes API and migd's event stream over libcurl: credentials, requests, watches "
                           "([ADR 0029](adr/0029-kubernetes.md))", "mig", "base", "config"),
    "kubernetes/objects": room("a machine as ResourceSlices and DeviceClasses, an allocation back as devices, health as taints. Pure",
                               "mig", "base", "model", "planner"),
    "kubernetes/publish": room("keeps the API server's ResourceSlices of a node in step with its machine",
                               "mig", "base", "model", "client", "kubernetes/api", "kubernetes/objects"),
    "kubernetes/claims": room("prepares and frees the instances of a claim through migd; its checkpoint, and repair after a crash",
                              "mig", "base", "model", "wire", "client", "kubernetes/objects"),
    "kubernetes/node_config": room("the layout that a node's label asks for: states, affected pods, labels of what the node has",
                                   "mig", "base", "model", "config", "wire", "client", "kubernetes/api", "kubernetes/objects"),
    "kubernetes/plugin": room("gRPC with the kubelet: registration, DRA, health, the older device plugin; the only user of gRPC",
                              "mig", "base", "model", "client", "kubernetes/objects", "kubernetes/claims"),
    "kubernetes/main": room("mig-kubelet: words of the command line, threads, the log", "mig", "base", "model", "client", "kubernetes/api",
                            "kubernetes/objects", "kubernetes/publish", "kubernetes/claims", "kubernetes/node_config", "kubernetes/plugin"),
}

# Further rooms that the tests of a room may include: loaders of data and makers of machines, never the other side's
# rules.
TESTS_MAY_INCLUDE = {
    "sim/machine": ("sim/gpus", "sim/tree"),
    "sim/exports": ("sim/gpus", "sim/client"),
    "sim/client": ("sim/gpus",),
    "sim/tree": ("sim/gpus",),
    "workload": ("sim/machine", "sim/tools"),
    "observe": ("node",),
    "kubernetes/objects": ("catalog",),
    "kubernetes/publish": ("catalog",),
    "kubernetes/plugin": ("catalog",),
    "kubernetes/node_config": ("catalog", "node"),
}

# Libraries that cost compile time or widen the attack surface: only these rooms may include them.
LIBRARIES = {
    "CLI/": ("cli", "sim/tools", "workload", "kubernetes/main"),
    "yaml-cpp/": ("config",),
    "nlohmann/json.hpp": ("base", "config", "wire", "launch", "cli", "catalog", "sim/gpus", "sim/tools", "workload", "apply", "store",
                          "kubernetes/api", "kubernetes/objects", "kubernetes/publish", "kubernetes/claims", "kubernetes/node_config"),
    "curl/": ("kubernetes/api",),
    "grpcpp/": ("kubernetes/plugin",),
    "boost/": ("http",),
    "openssl/": ("http",),
    "sqlite3.h": ("store",),
    "zlib.h": ("http",),
    "prometheus/": ("expose",),
    "curses.h": ("top",),
    "term.h": ("top",),
    "dlfcn.h": ("nvml", "dcgm", "compat", "workload"),
}

# (file, included header): known violations, to be removed. Never extended; an entry whose include is gone is an error,
# so that the list can only shrink.
STILL_TO_GO = set()
