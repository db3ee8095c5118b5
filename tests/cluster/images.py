# SPDX-License-Identifier: Apache-2.0
"""The images of pods, made without a registry: busybox and mig-workload with the libraries that it is linked to, in the form
of `docker save`, which `ctr images import` takes."""

import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tarfile

from programs import ROOT

sys.path.insert(0, str(ROOT / "tests" / "containers"))
import engine  # noqa: E402

WORKLOAD, PAUSE = "localhost/mig-workload:1", "localhost/pause:1"
LONG = "2000000000"  # seconds


def add(archive, name, data):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def layer(root):
    """The folder as an archive that is the same for the same content."""
    def plain(entry):
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path in sorted(pathlib.Path(root).rglob("*")):
            archive.add(path, str(path.relative_to(root)), recursive=False, filter=plain)
    return out.getvalue()


def write(archive_file, root, commands):
    """One archive with an image for each {name: command}, all of the same layer."""
    data = layer(root)
    digest = hashlib.sha256(data).hexdigest()
    manifest = []
    with tarfile.open(archive_file, "w") as archive:
        add(archive, f"{digest}/layer.tar", data)
        for name, command in commands.items():
            config = json.dumps({
                "architecture": "amd64", "os": "linux", "config": {"Cmd": command, "Env": ["PATH=/usr/local/bin:/bin"]},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
                "history": [{"created": "1970-01-01T00:00:00Z"}]}).encode()
            config_name = hashlib.sha256(config).hexdigest() + ".json"
            add(archive, config_name, config)
            manifest.append({"Config": config_name, "RepoTags": [name], "Layers": [f"{digest}/layer.tar"]})
        add(archive, "manifest.json", json.dumps(manifest).encode())


def make(folder):
    """The archive with the images of pods, in that folder."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    archive, root = folder / "images.tar", engine.make_root(folder)
    busybox = subprocess.run([root / "bin/busybox", "--list"], capture_output=True, text=True, check=True)
    for name in busybox.stdout.split():
        if not (root / "bin" / name).exists():
            (root / "bin" / name).symlink_to("busybox")
    write(archive, root, {PAUSE: ["/bin/sleep", LONG], WORKLOAD: ["/bin/sh"]})
    return archive
