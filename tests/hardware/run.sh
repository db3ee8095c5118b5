#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs all checks on a machine with a real GPU, read-only. Needs sh, sed, diff and NVIDIA's
# driver; no network, no compiler.
#
#   tests/hardware/run.sh BINDIR OUTDIR
#
# BINDIR: our programs (migctl, mig-conformance). OUTDIR gets
#   machine.txt       identity of the machine
#   conformance.txt   its MIG readings, to diff with conformance.txt of a simulated machine
#   compare_smi.txt   nvidia-smi against migctl smi
#   list.txt, profiles.txt, placements.txt   output of migctl
# Exit 0 when the conformance program ran and the five commands that must be equal are.
set -u
bin=${1:?usage: run.sh BINDIR OUTDIR}
out=${2:?usage: run.sh BINDIR OUTDIR}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mkdir -p "$out" || exit 1
failed=0

{
  date -u '+%Y-%m-%dT%H:%M:%SZ'
  uname -srm
  sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null
  head -1 /proc/driver/nvidia/version 2>/dev/null
} >"$out/machine.txt"

if "$bin/mig-conformance" >"$out/conformance.txt" 2>"$out/conformance.err"; then
  echo "conformance: $(wc -l <"$out/conformance.txt") answers in $out/conformance.txt"
else
  echo "conformance: failed: $(cat "$out/conformance.err")"
  failed=1
fi

for command in list profiles placements; do
  "$bin/migctl" "$command" >"$out/$command.txt" 2>&1
  echo "migctl $command: exit $?"
done

sh "$here/compare_smi.sh" "$bin" "$out" || failed=1
exit $failed
