# SPDX-License-Identifier: Apache-2.0
"""Leases of MIG instances from migctl's daemon.

    with migctl_lease.lease(profile="1g.10gb", wait="10m") as instance:
        instance.subprocess(["python", "train.py"]).wait()

The lease lasts as long as the block, and at most as long as this process: if it is killed, the daemon frees the instance.
"""

from typing import TYPE_CHECKING, Optional

from . import aio
from .client import Client, Wishes
from .durations import Duration
from .errors import (Conflict, DaemonUnavailable, InUse, InvalidRequest, MigctlError, NoSuchInstance, PermissionRefused, QuotaExceeded, WaitTimeout)
from .instance import Instance

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Client", "Conflict", "DaemonUnavailable", "Duration", "InUse", "Instance", "InvalidRequest", "MigctlError", "NoSuchInstance",
           "PermissionRefused", "QuotaExceeded", "WaitTimeout", "Wishes", "aio", "lease"]
__version__ = "0.1.0"


def lease(*, client: Optional[Client] = None, machine: Optional[str] = None, **wishes: "Unpack[Wishes]") -> Instance:
    """A leased instance, for a `with` block or until release(). The other parameters are those of Client.acquire(); `client` or `machine` says of which daemon."""
    return (client if client is not None else Client(machine=machine)).acquire(**wishes)
