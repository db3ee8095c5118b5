# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, as exceptions: one class for each code of the daemon that a program may want to tell apart.

Every exception has the daemon's `code`, `message` and `hint`; codes are listed in docs/reference/errors.md and never change meaning.
"""

from typing import Dict, Optional, Type


class MigctlError(Exception):
    """An error of the daemon, or of the way to it."""

    def __init__(self, code: str, message: str, hint: Optional[str] = None, status: Optional[int] = None) -> None:
        super().__init__(code, message, hint, status)  # all of them, so that pickle (Ray, multiprocessing) makes it anew
        self.code = code
        self.message = message
        self.hint = hint
        self.status = status  # of HTTP; None: no answer came

    def __str__(self) -> str:
        return f"{self.message}. Hint: {self.hint}" if self.hint else self.message


class DaemonUnavailable(MigctlError):
    """Nobody listens, or the daemon was away for too long (code `io`)."""


class InvalidRequest(MigctlError):
    """The request makes no sense (`usage`, `invalid_input`, `too_large`)."""


class NoSuchInstance(MigctlError):
    """Nothing on this machine could ever serve the request, or a thing named does not exist (`nothing_matched`, `not_found`)."""


class PermissionRefused(MigctlError):
    """The role, the quota or the limits of the tenant never allow it (`permission`)."""


class InUse(MigctlError):
    """All instances that would do are taken, and the request does not wait (`in_use`)."""


class QuotaExceeded(MigctlError):
    """The tenant's quota is used up, or the queue is full for this user (`no_capacity`)."""


class Conflict(MigctlError):
    """The lease is over, or the machine has changed meanwhile (`conflict`)."""


class WaitTimeout(MigctlError):
    """Nothing came free in the time that the request waits (`timeout`)."""


_CLASSES: Dict[str, Type[MigctlError]] = {
    "usage": InvalidRequest, "invalid_input": InvalidRequest, "too_large": InvalidRequest,
    "nothing_matched": NoSuchInstance, "not_found": NoSuchInstance, "permission": PermissionRefused,
    "in_use": InUse, "no_capacity": QuotaExceeded, "conflict": Conflict, "timeout": WaitTimeout}


def error_of(code: str, message: str, hint: Optional[str], status: Optional[int]) -> MigctlError:
    """The exception for a code; MigctlError itself for one that has no class of its own."""
    return _CLASSES.get(code, MigctlError)(code, message, hint, status)
