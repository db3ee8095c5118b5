# SPDX-License-Identifier: Apache-2.0
"""JupyterHub: each user's notebook server has a MIG instance for its life.

In jupyterhub_config.py:

    from jupyterhub_spawner import LeasedLocalProcessSpawner
    c.JupyterHub.spawner_class = LeasedLocalProcessSpawner
    c.LeasedLocalProcessSpawner.lease_profile = "1g.10gb"

A hub that runs as root leases in the user's name, so that the user's tenant, quota and place in the queue count. Another hub leases in its own. The lease is
bound to the notebook server: it outlives a restart of the hub, and ends with the server, however that ends.
"""
import asyncio
import os

import migctl_lease
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from traitlets import Unicode
from traitlets.config import Configurable


class LeasedMixin(Configurable):
    """For spawners whose server is a process of this machine (`self.pid`)."""

    lease_profile = Unicode("1g.5gb", config=True, help="profile of the instance")
    lease_wait = Unicode("50s", config=True, help="how long to wait in the queue; below start_timeout, which is 60 s unless set")
    lease_time = Unicode("", config=True, help="how long a server may have its instance; empty: no limit but the tenant's")

    _lease = None  # id
    _variables = None

    def get_env(self):
        """The server's environment: where its instance is."""
        return {**super().get_env(), **(self._variables or {})}

    async def start(self):
        """Leases, then starts the server; without an instance there is none."""
        client = await asyncio.to_thread(migctl_lease.Client)
        wishes = {"profile": self.lease_profile, "wait": self.lease_wait, "job": f"jupyter-{self.user.name}"[:100]}
        if self.lease_time:
            wishes["time_limit"] = self.lease_time
        if os.geteuid() == 0 and isinstance(self, LocalProcessSpawner) and not isinstance(self, SimpleLocalProcessSpawner):
            wishes["user"] = self.user.name
        async with migctl_lease.aio.lease(client=client, **wishes) as instance:
            self._lease, self._variables = instance.lease_id, instance.variables()
            started = await super().start()
            await asyncio.to_thread(client.rebind, instance.lease_id, self.pid)
            instance.keep()  # from here on the server's
        return started

    async def stop(self, now=False):
        """Stops the server, and gives the instance back at once."""
        await super().stop(now=now)
        if self._lease is not None:
            lease, self._lease = self._lease, None
            client = await asyncio.to_thread(migctl_lease.Client)
            await asyncio.to_thread(client.release, lease)

    # The hub keeps this in its database, and gives it back after a restart.

    def get_state(self):
        return {**super().get_state(), "migctl_lease": self._lease}

    def load_state(self, state):
        super().load_state(state)
        self._lease = state.get("migctl_lease")

    def clear_state(self):
        super().clear_state()
        self._lease = self._variables = None


class LeasedLocalProcessSpawner(LeasedMixin, LocalProcessSpawner):
    """Servers of the system's users."""


class LeasedSimpleSpawner(LeasedMixin, SimpleLocalProcessSpawner):
    """All servers as the hub's own user: for trying out."""
