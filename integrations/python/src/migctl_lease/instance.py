# SPDX-License-Identifier: Apache-2.0
"""A leased instance: what it is, and how programs are told of it."""

import os
import subprocess
import threading
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence, Union

from .errors import MigctlError

if TYPE_CHECKING:
    from .client import Client

Word = Union[str, "os.PathLike[str]"]


class Instance:
    """An instance that is leased, until release() or the end of the process that made it; also a context manager.

    A process that was forked from the holder sees the instance and may use it, but does not give it back: the lease is its parent's.
    """

    def __init__(self, client: "Client", facts: Mapping[str, Any], simulated: bool) -> None:
        self.client = client
        self.lease_id = int(facts["id"])
        self.uuid = str(facts["uuid"])  # MIG-...
        self.profile = str(facts["profile"])
        self.gpu = int(facts["gpu"])
        self.gpu_instance = int(facts["gpuInstance"])
        self.compute_instance = int(facts["computeInstance"])
        self.memory_mib = int(facts["memoryMib"])
        self.sms: Optional[int] = facts.get("sm")  # None: not known
        self.tenant = str(facts["tenant"])
        self.simulated = simulated  # no hardware
        self._owner = os.getpid()
        self._released = False
        self._kept = False
        self._lock = threading.Lock()

    @classmethod
    def of(cls, client: "Client", facts: Mapping[str, Any], simulated: bool) -> "Instance":
        """From a lease of the daemon's LeaseGrant."""
        return cls(client, facts, simulated)

    def __repr__(self) -> str:
        mark = ", simulated" if self.simulated else ""
        return f"<Instance {self.profile} on GPU {self.gpu} gi={self.gpu_instance} ci={self.compute_instance} {self.uuid}, lease {self.lease_id}{mark}>"

    def variables(self) -> Dict[str, str]:
        """The variables that `migctl run` sets, for this instance alone."""
        found = {"CUDA_VISIBLE_DEVICES": self.uuid, "NVIDIA_VISIBLE_DEVICES": self.uuid, "MIGCTL_PROFILE": self.profile, "MIGCTL_GPU": str(self.gpu),
                 "MIGCTL_GPU_INSTANCE": str(self.gpu_instance), "MIGCTL_COMPUTE_INSTANCE": str(self.compute_instance),
                 "MIGCTL_MEMORY_MIB": str(self.memory_mib)}
        if self.sms is not None:
            found["MIGCTL_SMS"] = str(self.sms)
        return found

    def environment(self, base: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
        """The environment for a program on the instance: that of this process (or `base`) with variables()."""
        return {**(os.environ if base is None else base), **self.variables()}

    def subprocess(self, argv: Sequence[Word], *, keeps_lease: bool = True, env: Optional[Mapping[str, str]] = None, **options: Any) -> "subprocess.Popen[Any]":
        """Starts a program on the instance; options as for subprocess.Popen. With `keeps_lease` it keeps the lease if this process is killed, as long as it
        runs, and what it starts ends with the lease. Only one program keeps it, the last that was started."""
        process: "subprocess.Popen[Any]" = subprocess.Popen(list(argv), env=self.environment(env), **options)  # pylint: disable=consider-using-with
        if not keeps_lease:
            return process
        try:
            self.client.bequeath(self.lease_id, process.pid)
        except MigctlError:
            if process.poll() is None:  # a program that has ended already keeps nothing
                process.kill()
                process.wait()
                raise
        return process

    def facts(self) -> Optional[Dict[str, Any]]:
        """The lease as the daemon has it now; None: it is over."""
        return next((lease for lease in self.client.leases() if lease["id"] == self.lease_id), None)

    def is_held(self) -> bool:
        """Whether the lease still is: it may have reached its limit, or been ended by an operator or for a higher priority."""
        now = self.facts()
        return now is not None and now.get("ending") is None and not now["vanished"]

    def keep(self) -> None:
        """Leaves the lease until this process ends, also after a `with` block. For a process that uses CUDA itself: it cannot let go of the instance, and
        the daemon ends (SIGTERM) what is left on an instance that is given back."""
        self._kept = True

    def release(self) -> None:
        """Gives the lease back, once. In a forked child it does nothing."""
        with self._lock:
            if self._released or os.getpid() != self._owner:
                return
            self._released = True
        self.client.release(self.lease_id)

    def __enter__(self) -> "Instance":
        return self

    def __exit__(self, *_: object) -> None:
        if not self._kept:
            self.release()
