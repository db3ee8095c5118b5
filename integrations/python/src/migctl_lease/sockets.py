# SPDX-License-Identifier: Apache-2.0
"""Where the daemon listens, by the rule of migctl's own commands."""

import os
import pathlib
import socket
import stat
from typing import Iterator, List, Optional

from .errors import DaemonUnavailable

SYSTEM = "/run/migctl/migd.sock"
LONGEST = 107  # of a path of a UNIX socket


def _answers(path: str) -> bool:
    if len(os.fsencode(path)) > LONGEST:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _is_private(folder: pathlib.Path) -> bool:
    """Only this user can make a socket there."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _user_folder() -> pathlib.Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return pathlib.Path(runtime, "migctl") if runtime.startswith("/") else pathlib.Path(f"/tmp/migctl-{os.geteuid()}")


def _of_machine(machine: Optional[pathlib.Path]) -> Iterator[str]:
    """Sockets of a simulated machine, or (None) of the real one."""
    yield SYSTEM if machine is None else str(machine / "run" / "migd.sock")
    if _is_private(_user_folder()):
        yield str(_user_folder() / ("migd.sock" if machine is None else f"migd-{machine.name}.sock"))


def machines_root() -> pathlib.Path:
    """The folder of the simulated machines."""
    root = os.environ.get("MIGSIM_ROOT", "")
    if root:
        return pathlib.Path(root)
    if os.geteuid() == 0:
        return pathlib.Path("/var/lib/migctl/sim")
    state = os.environ.get("XDG_STATE_HOME", "")
    home = pathlib.Path(state) if state.startswith("/") else pathlib.Path.home() / ".local" / "state"
    return home / "migctl" / "sim"


def _candidates(machine: Optional[str]) -> List[str]:
    if machine is not None:
        named = pathlib.Path(machine) if "/" in machine else machines_root() / machine
        return list(_of_machine(named))
    found: List[str] = []
    inside = os.environ.get("MIGSIM_MACHINE", "")
    if inside:
        found += _of_machine(pathlib.Path(inside))
    found += _of_machine(None)
    try:
        all_of_them = [folder for folder in machines_root().iterdir() if (folder / "machine.state").exists() and not folder.name.startswith(".")]
    except OSError:
        all_of_them = []
    if len(all_of_them) == 1:
        found += _of_machine(all_of_them[0])
    return found


def find_socket(machine: Optional[str] = None) -> str:
    """The socket of the daemon that a command of migctl would ask: $MIGCTL_SOCKET, else the one of the simulated machine that is named, else the
    real machine's, else the only simulated machine's. DaemonUnavailable when nobody listens."""
    named = os.environ.get("MIGCTL_SOCKET", "")
    if named:
        return named
    tried = _candidates(machine)
    for path in tried:
        if _answers(path):
            return path
    raise DaemonUnavailable("io", f"no daemon of migctl listens on {' or '.join(tried)}", "an admin starts it: systemctl start migd.socket, or: migctl serve")
