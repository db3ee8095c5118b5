#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the jobs of escapes.py run. Copied to where every user may read it, so it imports nothing of ours.

    programs.py rabbit                     keeps the nodes that it can open, from process to process
    programs.py late MS FILE...            processes that open them one after the other from then on, and keep them
    programs.py catch FOLDER               opens and keeps its nodes, as soon as it can
    programs.py trace PID                  attaches to it, and lets no signal through
    programs.py keep SOCKET                takes open files over that socket, and keeps them
    programs.py give SOCKET FILE...        opens them, and sends the open files there
"""
import array
import ctypes
import os
import pathlib
import signal
import socket
import sys
import time

PTRACE_CONT, PTRACE_ATTACH = 7, 16


def opened(paths):
    for path in paths:
        try:
            yield os.open(path, os.O_RDONLY)
        except OSError as error:
            print(error, flush=True)


def rabbit():
    kept = list(opened(pathlib.Path(os.environ["MIGSIM_ROOT"], "m", "tree", "dev", "nvidia-caps").iterdir()))
    print(f"runs with {len(kept)}", flush=True)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        if os.fork():
            os._exit(0)
        time.sleep(0.0002)


def late(first_ms, *files):
    """Sixty processes, each opens the files once and keeps them: from so many milliseconds on, every four."""
    begin = time.monotonic() + int(first_ms) / 1000
    for number in range(60):
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(max(0, begin + number * 0.004 - time.monotonic()))
            if list(opened(files)):
                time.sleep(600)
            os._exit(0)
    time.sleep(600)


def catch(folder):
    """Opens and keeps each node of an instance, as soon as it can."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("watches", flush=True)
    kept = set()
    while True:
        for name in set(os.listdir(folder)) - kept - {"nvidia-cap1", "nvidia-cap2"}:
            try:
                os.open(os.path.join(folder, name), os.O_RDONLY)
            except OSError:
                continue
            kept.add(name)


def trace(pid):
    call = ctypes.CDLL(None, use_errno=True).ptrace
    call.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if call(PTRACE_ATTACH, int(pid), None, None) != 0:
        sys.exit(f"PTRACE_ATTACH: {os.strerror(ctypes.get_errno())}")
    os.waitpid(int(pid), 0)
    print("has it", flush=True)
    while True:
        call(PTRACE_CONT, int(pid), None, None)
        _, status = os.waitpid(int(pid), 0)
        if not os.WIFSTOPPED(status):
            return


def keep(path):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    os.chmod(path, 0o777)
    server.listen(1)
    stream, _ = server.accept()
    _, ancillary, _, _ = stream.recvmsg(16, socket.CMSG_SPACE(64 * 4))
    kept = sum(len(data) // 4 for _, _, data in ancillary)
    print(f"kept {kept}", flush=True)
    time.sleep(600)


def give(path, *files):
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(path)
    rights = array.array("i", opened(files))
    stream.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    print(f"gave {len(rights)}", flush=True)


if __name__ == "__main__":
    {"rabbit": rabbit, "late": late, "catch": catch, "trace": trace, "keep": keep, "give": give}[sys.argv[1]](*sys.argv[2:])
