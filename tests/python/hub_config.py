# SPDX-License-Identifier: Apache-2.0
"""JupyterHub's configuration for hub_test.py: the spawner of the example, a proxy that only remembers its routes (the hub and the servers are asked
directly), users without passwords, and in place of a notebook server a program that answers as one and says what its environment is."""
# pylint: disable=undefined-variable
import os
import sys

sys.path.insert(0, os.environ["EXAMPLES"])
from jupyterhub.proxy import Proxy  # noqa: E402  pylint: disable=wrong-import-position
from jupyterhub_spawner import LeasedLocalProcessSpawner, LeasedSimpleSpawner  # noqa: E402  pylint: disable=wrong-import-position


class RememberingProxy(Proxy):
    """configurable-http-proxy is a program of npm; what is tested here needs none."""
    should_start = False

    def __init__(self, **more):
        super().__init__(**more)
        self.routes = {}

    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)

    async def get_all_routes(self):
        return dict(self.routes)


c.JupyterHub.proxy_class = RememberingProxy
SPAWNER = LeasedLocalProcessSpawner if os.environ.get("SYSTEM_USERS") else LeasedSimpleSpawner
c.JupyterHub.spawner_class = SPAWNER
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.bind_url = f"http://127.0.0.1:{os.environ['PUBLIC_PORT']}"
c.JupyterHub.hub_port = int(os.environ["HUB_PORT"])
c.JupyterHub.cleanup_servers = False  # servers outlive the hub, as they do where it is only restarted
c.JupyterHub.services = [{"name": "test", "api_token": os.environ["TEST_TOKEN"]}]
c.JupyterHub.load_roles = [{"name": "test", "services": ["test"], "scopes": ["admin:users", "admin:servers", "read:servers"]}]
c.Authenticator.allow_all = True
c[SPAWNER.__name__].lease_profile = "3g.20gb"
c[SPAWNER.__name__].lease_wait = "2s"
c[SPAWNER.__name__].cmd = [os.environ["SERVERS_PYTHON"], os.environ["SERVER"]]
c[SPAWNER.__name__].http_timeout = 60
c.Spawner.env_keep = ["PATH", "MIGCTL_SOCKET", "MIGSIM_MACHINE", "SAID"]
