#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Executes the pages whose readers are several users of one machine, as tests/lab/run_tutorial.py does, and as those users.

Usage: pages.py BIN [--show] PAGE...       needs root

In a mount namespace of its own there are the users ada and ben and student01 to student12 (groups: lab, and class for the
students), each with a home; nobody else sees them. A page begins as root in an empty folder, and becomes somebody with `su`.
"""
import argparse
import os
import pathlib
import shutil
import signal
import sys
import tempfile

import box as frame

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lab"))
import run_tutorial  # noqa: E402  pylint: disable=wrong-import-position

STUDENTS = [f"student{number:02}" for number in range(1, 13)]
CLASS_GID, LAB_GID = 1_999_000_001, 1_999_000_002


def add_users(folder):
    """The users, in copies of the system's databases that only this namespace has."""
    if frame.libc.mount(b"none", b"/", None, frame.MS_REC | frame.MS_PRIVATE, None) != 0:
        raise frame.Skip("mounts cannot be private")
    first = 1_900_000_000 + os.getpid() * 16
    uids = {name: first + number for number, name in enumerate(["ada", "ben", *STUDENTS])}
    passwd, group = pathlib.Path("/etc/passwd").read_text(), pathlib.Path("/etc/group").read_text()
    taken = {line.split(":")[0] for line in passwd.splitlines()} & set(uids)
    if taken:
        raise frame.Skip(f"this machine has users of these names: {', '.join(sorted(taken))}")
    group += f"class:x:{CLASS_GID}:{','.join(STUDENTS)}\nlab:x:{LAB_GID}:ada,ben\n"
    for name, uid in uids.items():
        home = folder / "home" / name
        home.mkdir(parents=True)
        os.chown(home, uid, uid)
        home.chmod(0o700)
        passwd += f"{name}:*:{uid}:{uid}:{name}:{home}:/bin/bash\n"
        group += f"{name}:x:{uid}:\n"
    for name, text in (("passwd", passwd), ("group", group)):
        copy = folder / name
        copy.write_text(text)
        copy.chmod(0o644)
        if frame.libc.mount(str(copy).encode(), f"/etc/{name}".encode(), None, 4096, None) != 0:  # MS_BIND
            raise frame.Skip(f"/etc/{name} cannot be covered")
    return uids


def run_page(page, binaries, show):
    """Number of commands, and the first fault as text (or None)."""
    steps = run_tutorial.steps_of(page.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="migctl-page-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        uids = add_users(folder)
        (folder / "machines").mkdir()
        (folder / "work").mkdir()
        environment = {"PATH": f"{binaries}:{os.environ['PATH']}", "HOME": str(folder / "work"), "LC_ALL": "C.UTF-8", "SHELL": "/bin/bash",
                       "NO_COLOR": "1", "MIGSIM_ROOT": str(folder / "machines")}
        shell = run_tutorial.Shell(environment, str(folder / "work"))
        try:
            wrong = run_tutorial.run_steps(page, steps, shell, show)
        finally:
            shell.close()
            frame.end_all(uids.values())
            for process in daemons_of(folder):
                os.kill(process, signal.SIGKILL)
            for uid in uids.values():  # claims of runs past the daemon
                shutil.rmtree(f"/tmp/migctl-{uid}", ignore_errors=True)
            for name in ("passwd", "group"):
                frame.libc.umount2(f"/etc/{name}".encode(), frame.MNT_DETACH)
    return len(steps), wrong


def daemons_of(folder):
    """What the page has started as root and left running: processes whose machine is the page's."""
    mark = f"MIGSIM_ROOT={folder}/".encode()
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and mark in pathlib.Path("/proc", entry, "environ").read_bytes():
                yield int(entry)
        except OSError:
            continue


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--show", action="store_true", help="print the commands and what they print")
    parser.add_argument("page", type=pathlib.Path, nargs="+")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("SKIPPED: pages of several users: needs root, to be other users")
        return frame.SKIPPED
    if frame.libc.unshare(frame.CLONE_NEWNS) != 0:
        print("SKIPPED: pages of several users: no mount namespace of its own")
        return frame.SKIPPED
    failed = False
    with frame.programs_for_all(options.bin) as binaries:
        for page in options.page:
            try:
                count, wrong = run_page(page, binaries, options.show)
            except frame.Skip as reason:
                print(f"SKIPPED: {page}: {reason}")
                return frame.SKIPPED
            print(wrong if wrong else f"{page}: {count} commands, all as the page says")
            failed = failed or wrong is not None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
