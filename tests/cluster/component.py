# SPDX-License-Identifier: Apache-2.0
"""A program of the cluster that runs until it is stopped: its log, its end, its restart."""

import os
import pathlib
import signal
import subprocess
import time

STOP_S = 20  # a component that has not ended after SIGTERM is killed


class Component:
    """`namespace` is the pid of a process whose mounts it sees; its own pid is the program's, since nsenter becomes it."""

    def __init__(self, name, command, folder, env=None, namespace=None):
        self.name, self.command, self.env = name, [str(word) for word in command], env
        self.log = pathlib.Path(folder) / f"{name}.log"
        self.namespace, self.process, self.meant_to_run = namespace, None, False

    def start(self):
        enter = ["nsenter", f"--mount=/proc/{self.namespace}/ns/mnt", "--"] if self.namespace else []
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen([*enter, *self.command], env=self.env, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, start_new_session=True)
        self.meant_to_run = True
        return self

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def trouble(self):
        """Why it does not run although it should; "" otherwise."""
        if not self.meant_to_run or self.alive():
            return ""
        return f"{self.name} ended with {self.process.returncode}:\n{self.tail()}"

    def tail(self, lines=15):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(line[:400] for line in text.splitlines()[-lines:])

    def signal(self, number):
        """To its whole group, where it is the leader; a component that is gone is no error."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def kill(self):
        """SIGKILL, as a crash: nothing is tidied up, and nobody starts it again."""
        self.meant_to_run = False
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.meant_to_run = False
        if not self.alive():
            return
        self.signal(signal.SIGTERM)
        end = time.monotonic() + STOP_S
        while self.alive() and time.monotonic() < end:
            time.sleep(0.02)
        self.signal(signal.SIGKILL)
        self.process.wait()

    def restart(self):
        self.stop()
        return self.start()
