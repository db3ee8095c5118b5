#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What scripts/cluster does as root: starts the namespaces of a cluster and the supervisor in them (tests/cluster/supervisor.py),
asks for its state, ends it. There is one cluster on a machine at a time; whoever runs it holds the lock file.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "cluster"), str(ROOT / "tests" / "containers")]

import network  # noqa: E402
import programs  # noqa: E402
from images import engine  # noqa: E402

FOLDER = pathlib.Path("/run/migctl-cluster")  # root's alone; gone after a reboot, as the cluster is
LOCK = pathlib.Path("/run/migctl-cluster.lock")
STATE = FOLDER / "state.json"  # written by the supervisor when all runs
SHOWN = ROOT / "build" / "cluster"
KUBECONFIG = SHOWN / "kubeconfig"
INSIDE = "cluster"  # for engine.cgroups(): not a pid, so that no test takes it for a leftover
START_S = 300
MOST_NODES = 8
NODES, GPUS = 1, "1x h200-141gb"  # of a cluster that is started without these options


class Failed(Exception):
    pass


def say(text):
    print(f"    {text}", file=sys.stderr, flush=True)


def lock():
    """The lock, an open file; None where a cluster runs."""
    file = open(LOCK, "a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def running():
    """The pid of the cluster's first process, as its lock file says; 0 where none runs."""
    held = lock()
    if held:
        held.close()
        return 0
    text = LOCK.read_text().strip()
    return int(text) if text.isdigit() else 0


def owner():
    """Who called sudo: the kubeconfig is his."""
    return int(os.environ.get("SUDO_UID", os.getuid())), int(os.environ.get("SUDO_GID", os.getgid()))


def start(options):
    if running():
        same(options)
        say("it runs already")
        return ready()
    options.nodes, options.gpus = options.nodes or NODES, options.gpus or GPUS
    check_gpus(options.gpus)
    why = programs.why_not()
    if why:
        raise Failed(why)
    held = lock()
    if not held:
        raise Failed("another start is under way")
    clear()
    FOLDER.mkdir(mode=0o700)
    SHOWN.mkdir(parents=True, exist_ok=True)
    os.chown(SHOWN, *owner())
    try:
        outside = network.listen_outside(options.port)
    except OSError as error:
        raise Failed(f"cannot listen on 127.0.0.1:{options.port}: {error.strerror}; name another with --port") from None
    supervisor = [sys.executable, str(ROOT / "tests/cluster/supervisor.py"), "--listening", str(outside.fileno()), "--folder", str(FOLDER),
                  "--nodes", str(options.nodes), "--gpus", options.gpus]
    # The shell is the first process of the namespace and reaps what containerd leaves to it.
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
               "sh", "-c", '"$@"; exit $?', "sh", *supervisor]
    with open(FOLDER / "supervisor.log", "wb") as log:
        first = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                 pass_fds=(outside.fileno(), held.fileno()), env=dict(os.environ, **{engine.INSIDE: INSIDE}))
    held.truncate(0)
    held.write(str(first.pid))
    held.flush()
    try:
        follow(first)
    except BaseException:
        first.kill()
        first.wait()
        raise
    return ready()


def same(options):
    """Refuses what a running cluster would not become."""
    now = json.loads(STATE.read_text()) if STATE.exists() else None
    asked = {"--nodes": (options.nodes, len(now["nodes"])), "--gpus": (options.gpus, now["gpus"])} if now else {}
    other = [f"{name} {there}" for name, (wanted, there) in asked.items() if wanted not in (None, there)]
    if other:
        raise Failed(f"it runs with {' and '.join(other)}; ./scripts/cluster stop ends it first")


def check_gpus(gpus):
    """That `migctl sim create` takes them, before anything is started."""
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run([programs.BIN / "migctl", "sim", "create", "try", "--gpus", gpus], env=dict(os.environ, MIGSIM_ROOT=folder),
                              capture_output=True, text=True, check=False)
    if made.returncode:
        raise Failed(f"--gpus: {made.stderr.strip().removeprefix('migctl: ')}")


def follow(first):
    """Shows what the supervisor says until all runs."""
    shown, end = 0, time.monotonic() + START_S
    while not STATE.exists():
        text = (FOLDER / "supervisor.log").read_text(errors="replace")
        for line in text.splitlines()[shown:]:
            say(line)
            shown += 1
        if first.poll() is not None:
            raise Failed("it did not start; see above")
        if time.monotonic() > end:
            raise Failed(f"it was not ready after {START_S} s; the logs are in {FOLDER}")
        time.sleep(0.1)


def ready():
    """Puts the kubeconfig where its owner reads it."""
    if not STATE.exists():
        raise Failed("it is still starting")
    user, group = owner()
    half = KUBECONFIG.with_suffix(".new")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write((FOLDER / "outside.kubeconfig").read_text())
        os.fchown(file.fileno(), user, group)
    half.replace(KUBECONFIG)
    print(f"export KUBECONFIG={KUBECONFIG}")
    say("./scripts/cluster kubectl get nodes, ./scripts/cluster status, ./scripts/cluster stop")


def clear():
    """Removes what an earlier cluster left on disk and in cgroups."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    KUBECONFIG.unlink(missing_ok=True)
    engine.remove_cgroups(engine.LEFT + INSIDE)


def stop(_):
    """SIGKILL to the first process ends the namespaces, with every process and mount in them."""
    pid = running()
    if not pid:
        say("no cluster runs")
    else:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
        end = time.monotonic() + 30
        while running() and time.monotonic() < end:
            time.sleep(0.05)
        if running():
            raise Failed(f"process {pid} does not end")
        say("stopped")
    clear()


def state():
    if not running() or not STATE.exists():
        raise Failed("no cluster runs here; ./scripts/cluster start starts one")
    return json.loads(STATE.read_text())


def inside(command, node=None):
    """A program in the namespaces of the cluster, or of one of its nodes; its exit code."""
    children = pathlib.Path(f"/proc/{running()}/task/{running()}/children").read_text().split()
    words = ["nsenter", "--target", children[0], "--mount", "--net", "--pid", "--"]
    if node:
        words += ["nsenter", f"--mount=/proc/{node['mounts']}/ns/mnt", "--", "env", f"MIGSIM_ROOT={node['machines']}",
                  f"MIGCTL_SOCKET={node['migd']}"]
    return subprocess.call([*words, *command])


def status(_):
    now = state()
    for name, said in now["components"].items():
        say(f"{name}: {said}")
    return inside([programs.program("kubectl"), f"--kubeconfig={FOLDER / 'admin.kubeconfig'}", "get", "nodes,pods", "--all-namespaces"])


def migctl(options):
    nodes = state()["nodes"]
    words = options.words
    name = "n1"
    if words[:1] == ["--node"] and len(words) > 1:
        name, words = words[1], words[2:]
    if name not in nodes:
        raise Failed(f"there is no node {name}; there are: {', '.join(nodes)}")
    return inside([str(programs.BIN / "migctl"), "--sim", "box", *words], nodes[name])


def logs(options):
    state()
    found = {f"{path.parent.parent.name}/{path.stem}" if path.parent.parent != FOLDER else path.stem: path
             for path in sorted(FOLDER.glob("**/logs/*.log"))}
    name = options.words[0] if options.words else ""
    if name not in found:
        say("logs: " + ", ".join(found))
        return 0 if not name else 1
    return subprocess.call(["tail", "-n", "100", str(found[name])])


def nodes(text):
    number = int(text)
    if not 1 <= number <= MOST_NODES:
        raise argparse.ArgumentTypeError(f"1 to {MOST_NODES}")
    return number


def port(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("0 to 65535")
    return number


def parse(words):
    parser = argparse.ArgumentParser(prog="scripts/cluster", description="see ./scripts/cluster --help")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("start", "stop", "status", "migctl", "logs"):
        command = commands.add_parser(name)
        if name == "start":
            command.add_argument("--nodes", type=nodes, help=f"how many ({NODES})")
            command.add_argument("--gpus", help=f"of each node, as for migctl sim create ({GPUS})")
            command.add_argument("--port", type=port, default=0, help="of the API server on 127.0.0.1 (any free one)")
    if words[:1] in (["migctl"], ["logs"]):  # whose words are not ours
        return argparse.Namespace(command=words[0], words=words[1:])
    return parser.parse_args(words)


def main(words):
    if words[:1] == ["check"]:  # before anything is built
        parse(words[1:])
        return 0
    options = parse(words)
    if os.path.exists("/proc/driver/nvidia/version"):
        raise Failed("this machine has NVIDIA's driver: the simulated nodes' device numbers would be its own GPUs'")
    return globals()[options.command](options) or 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failed as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(1)
