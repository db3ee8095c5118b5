# SPDX-License-Identifier: Apache-2.0
"""Pods of the tests: plain, with a claim, and with an extended resource as older clusters have it."""

import images

FOREVER = ["/bin/sleep", images.LONG]
TRAIN = ["mig-workload", "train", "--seconds", "100000"]


def plain(name, command=None, **spec):
    """A second of grace: busybox as pid 1 ignores SIGTERM, and with none the API server forgets the pod before it has ended."""
    container = {"name": "c", "image": images.WORKLOAD, "imagePullPolicy": "Never", "command": command or FOREVER}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False,
                     "containers": [container], **spec}}


def device_class(name, expression, **spec):
    return {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": name},
            "spec": {"selectors": [{"cel": {"expression": expression}}], **spec}}


def template(name, device_class_name, count=1, expression=None):
    exactly = {"deviceClassName": device_class_name, "count": count}
    if expression:
        exactly["selectors"] = [{"cel": {"expression": expression}}]
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"name": name},
            "spec": {"spec": {"devices": {"requests": [{"name": "mig", "exactly": exactly}]}}}}


def with_claim(name, template_name, command=None):
    """A pod with a claim of its own, made from that template."""
    pod = plain(name, command, resourceClaims=[{"name": "g", "resourceClaimTemplateName": template_name}])
    pod["spec"]["containers"][0]["resources"] = {"claims": [{"name": "g"}]}
    return pod


def with_resource(name, resource, count=1, command=None):
    """An old-style pod: `nvidia.com/mig-1g.18gb: 1`."""
    pod = plain(name, command)
    pod["spec"]["containers"][0]["resources"] = {"limits": {resource: str(count)}}
    return pod
