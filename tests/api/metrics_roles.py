#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who sees jobs and ids of holders in /metrics: decided by role, over the UNIX socket and over TCP alike.

Usage: metrics_roles.py BIN           needs root (a tenants file for two users)
"""
import os
import pathlib
import sys
import tempfile

import client as frame
from client import expect, wait

TENANTS = """version: v1
others: none
tenants:
  ops: {users: [61001], role: operator}
  team: {users: [61002], role: user}
"""


def lease_line(page):
    return next((line for line in page.splitlines() if line.startswith("mig_lease_info{")), None)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("SKIPPED: metrics_roles: tokens for other users need root")
        return 77
    with tempfile.TemporaryDirectory(prefix="mig-api-") as folder:
        pathlib.Path(folder, "tenants.yaml").write_text(TENANTS, encoding="utf-8")
        daemon = frame.Daemon(sys.argv[1], folder, "--tenants", str(pathlib.Path(folder, "tenants.yaml")), "--listen", "127.0.0.1:0",
                              "--sample", "200ms")
        daemon.on_box("mode", "enable", "-i", "0")
        daemon.on_box("create", "1g.5gb")
        daemon.on_box("lease", "acquire", "--profile", "1g.5gb", "--for", "1h", "--name", "notebook")
        operator = daemon.token("ops", 61001, "--role", "operator")
        looker = daemon.token("looks", 61001, "--role", "viewer")
        user = daemon.token("team", 61002, "--role", "admin")
        daemon.start()
        try:
            def line(**how):
                def there():
                    status, page, _ = daemon.ask("GET", "/metrics", **how)
                    expect(status == 200, f"/metrics {how}: {status} {page[:300]}")
                    return lease_line(page)
                return wait("the lease is on the page", there)

            by_root = line(which="unix")
            expect('job="notebook"' in by_root and ',uid="' in by_root, f"root sees not the job: {by_root}")
            expect(line(token=operator) == by_root, "an operator's token sees another page than the UNIX socket's operator")
            for what, how in (("nobody in particular", {}), ("an operator's token for looking", {"token": looker}),
                              ("a user's token, whatever its own role", {"token": user})):
                found = line(**how)
                expect("notebook" not in found and ',uid="' not in found, f"{what} sees jobs: {found}")
                expect('tenant="' in found, f"{what}: the tenant is missing: {found}")
            status, _, _ = daemon.ask("GET", "/metrics", token="migt_00000000_" + "0" * 64)
            expect(status == 401, f"a wrong token: {status}")
            _, _, fields = daemon.ask("GET", "/metrics", token=operator)
            expect("Authorization" in fields["Vary"], f"caches must not mix roles: Vary: {fields['Vary']}")
        finally:
            daemon.stop()
    print("jobs on /metrics: for root and an operator's token; not for others")
    return 0


if __name__ == "__main__":
    frame.end(main)
