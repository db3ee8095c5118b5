# SPDX-License-Identifier: Apache-2.0
# Functions shared by the scripts beside this file; sourced, never run. Plain POSIX sh (dash).

# The repository root, whatever folder the user called from.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$(printf '\033[1m') red=$(printf '\033[31m') plain=$(printf '\033[0m')
else
  bold='' red='' plain=''
fi

# heading TEXT: announces the next action. Progress goes to stderr, so that results can be piped.
heading() { printf '%s==> %s%s\n' "$bold" "$*" "$plain" >&2; }
note() { printf '    %s\n' "$*" >&2; }
die() { printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2; exit 1; }

# parallel_jobs: number of parallel compilers. One needs up to 700 MB, so memory is a limit too.
parallel_jobs() {
  cpus=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
  kib=$(while read -r key value _; do
    if [ "$key" = MemAvailable: ]; then echo "$value"; fi
  done </proc/meminfo 2>/dev/null)
  by_memory=$((${kib:-1400000} / 700000))
  if [ "$by_memory" -lt 1 ]; then by_memory=1; fi
  if [ "$by_memory" -lt "$cpus" ]; then echo "$by_memory"; else echo "$cpus"; fi
}

# test_jobs: number of parallel tests. They wait for their simulated machines most of the time, so two for each processor;
# the largest need the memory of a compiler. MIGCTL_TEST_JOBS says otherwise.
test_jobs() {
  if [ -n "${MIGCTL_TEST_JOBS:-}" ]; then echo "$MIGCTL_TEST_JOBS"; return; fi
  parallel_jobs >/dev/null
  if [ "$by_memory" -lt $((2 * cpus)) ]; then echo "$by_memory"; else echo $((2 * cpus)); fi
}
