#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Proves that a newcomer's two commands work on a bare Debian 12: creates a minimal root (chroot) with debootstrap,
# clones this repository's HEAD into it, and runs ./scripts/demo and ./scripts/test there, sharing only the host's
# kernel and network. Not part of the ordinary test run.
#   sudo tests/cleanroom.sh [command...]     default: ./scripts/demo, then ./scripts/test
# The pristine root is kept in $CLEANROOM (default /tmp/migctl-cleanroom) and copied for every run. Packages come from
# the host's sources: its apt's Debian mirror ($DEBIAN_MIRROR chooses another), its proxies, its pip's and go's settings.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
store=${CLEANROOM:-/tmp/migctl-cleanroom}

if [ "${1:-}" != --inside ]; then
  if [ "$(id -u)" != 0 ]; then echo "cleanroom: needs root (mounts, chroot)" >&2; exit 1; fi
  # A private mount namespace: the kernel removes all mounts when the script ends.
  exec unshare --mount --pid --fork --propagation private "$0" --inside "$@"
fi
shift

# The archive that apt takes bookworm's main component from.
machines_mirror() {
  apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "bookworm" && $2 == "main" { print $3; exit }'
}

if [ ! -e "$store/pristine.done" ]; then
  mirror=${DEBIAN_MIRROR:-$(machines_mirror)}
  if [ -z "$mirror" ]; then
    echo "cleanroom: this machine's apt has no source of Debian bookworm; name a mirror: DEBIAN_MIRROR=URL $0" >&2
    exit 1
  fi
  mkdir -p "$store"
  rm -rf "$store/pristine"
  debootstrap --variant=minbase bookworm "$store/pristine" "$mirror" >&2
  touch "$store/pristine.done"
fi

run=$store/run
rm -rf "$run"
cp -a "$store/pristine" "$run"
git clone -q --no-hardlinks "$here" "$run/root/migctl"
cp /etc/resolv.conf /etc/hosts "$run/etc/"
# Proxies of apt and the settings of pip, as this machine has them.
apt-config dump Acquire | grep -i proxy >"$run/etc/apt/apt.conf.d/90machine" || true
if [ -e /etc/pip.conf ]; then cp /etc/pip.conf "$run/etc/"; fi
# Certificates that this machine's administrator added: of a proxy in front of a package index, for example.
mkdir -p "$run/usr/local/share/ca-certificates"
cp /usr/local/share/ca-certificates/*.crt "$run/usr/local/share/ca-certificates/" 2>/dev/null || true
# The machine's root must be a mount point; private mount namespaces (sim shell) rely on it.
mount --bind "$run" "$run"
mount -t proc proc "$run/proc"
mount --rbind /sys "$run/sys"
mount --rbind /dev "$run/dev"
mount -t tmpfs tmpfs "$run/tmp"

# A go that this machine has knows where its modules come from; the one that the tests fetch inside has its maker's default.
goproxy=${GOPROXY:-} gosumdb=${GOSUMDB:-}
if command -v go >/dev/null; then goproxy=$(go env GOPROXY) gosumdb=$(go env GOSUMDB); fi

inside() {
  echo "cleanroom: $*" >&2
  # A minimal environment, as after login, and the settings that downloads need.
  env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
    ${no_proxy:+"no_proxy=$no_proxy"} ${goproxy:+"GOPROXY=$goproxy"} ${gosumdb:+"GOSUMDB=$gosumdb"} \
    ${PIP_INDEX_URL:+"PIP_INDEX_URL=$PIP_INDEX_URL"} ${PIP_TRUSTED_HOST:+"PIP_TRUSTED_HOST=$PIP_TRUSTED_HOST"} \
    chroot "$run" /bin/sh -c 'cd /root/migctl && exec "$@"' sh "$@"
}

if [ $# -gt 0 ]; then
  inside "$@"
else
  inside ./scripts/demo
  inside ./scripts/test
fi
echo "cleanroom: all commands succeeded" >&2
