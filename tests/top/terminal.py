# SPDX-License-Identifier: Apache-2.0
"""A pseudo-terminal with a program in it, and a simulated machine for it to watch."""
import contextlib
import fcntl
import os
import pathlib
import pty
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

PATIENCE = 60  # seconds; only a defect takes that long, however busy the host


@contextlib.contextmanager
def machine(bin_dir, gpus="1x h200-141gb"):
    """A simulated machine "m" with a few instances on its first GPU; gives the environment for it."""
    root = tempfile.mkdtemp(prefix="migctl-top-")
    env = dict(os.environ, MIGSIM_ROOT=root, LANG="C.UTF-8", TERM="xterm-256color")
    for name in ("NO_COLOR", "LC_ALL", "LC_CTYPE", "COLUMNS", "LINES", "MIGCTL_SOCKET"):
        env.pop(name, None)
    migctl = pathlib.Path(bin_dir) / "migctl"

    def run(*words):
        subprocess.run([migctl, *words], env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    try:
        run("sim", "create", "m", "--gpus", gpus)
        run("--sim", "m", "mode", "enable", "-i", "0")
        run("--sim", "m", "create", "-i", "0", "1g.18gb", "2g.35gb", "3g.71gb:4")
        yield env
    finally:
        shutil.rmtree(root, ignore_errors=True)


class Terminal:
    """A program in a pseudo-terminal. Everything that it writes is kept in `output`."""

    def __init__(self, words, env, columns=80, rows=24):
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.output = b""

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([str(word) for word in words], env=env, stdin=self.slave, stdout=self.slave,
                                        stderr=self.slave, preexec_fn=own_terminal, close_fds=True)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def keys(self, text):
        os.write(self.master, text if isinstance(text, bytes) else text.encode())

    def read(self, seconds=0.05):
        """What arrives within `seconds`; b"" = nothing."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return b""
        try:
            got = os.read(self.master, 1 << 16)
        except OSError:
            return b""
        self.output += got
        return got

    def wait_for(self, text, since=0):
        """Reads until `text` was written after byte `since`."""
        wanted = text if isinstance(text, bytes) else text.encode()
        end = time.monotonic() + PATIENCE
        while wanted not in self.output[since:]:
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} did not come; the last bytes: {self.output[-600:]!r}")
            self.read()

    def wait_quiet(self, seconds=0.3):
        while self.read(seconds):
            pass

    def ended(self):
        """Exit status as subprocess has it; reads what is left."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise AssertionError("the program does not end")
            self.read()
        self.wait_quiet(0.1)
        return self.process.returncode

    def restored(self):
        """What is not as before the program; [] = all is."""
        wrong = []
        if termios.tcgetattr(self.slave) != self.before:
            wrong.append("the terminal's modes differ")
        for on, off, what in ((b"\x1b[?1049h", b"\x1b[?1049l", "the alternate screen"),
                              (b"\x1b[?25l", b"\x1b[?25h", "the hidden cursor"),
                              (b"1000h", b"1000l", "the mouse"),
                              (b"\x1b[?1h", b"\x1b[?1l", "the keypad's mode")):
            if self.output.rfind(on) > self.output.rfind(off):
                wrong.append(f"{what} is left on")
        return wrong

    def resident_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        for descriptor in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
