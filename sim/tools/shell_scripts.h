// SPDX-License-Identifier: Apache-2.0
// Replacements of sudo and su inside `sim shell`. The user inside is root already; in a user
// namespace entered without root the host's own have no effect, and no other user exists.
#ifndef MIGCTL_SIM_TOOLS_SHELL_SCRIPTS_H_
#define MIGCTL_SIM_TOOLS_SHELL_SCRIPTS_H_

namespace migsim {

// Paths below the shell's scratch folder.
inline constexpr const char* kSudoFile = "bin/sudo";
inline constexpr const char* kSuFile = "su";

inline constexpr const char* kSudo = R"SH(#!/bin/sh
# In the shell of a simulated machine you are root already.
fail() {
  echo "sudo (simulated machine): $*" >&2
  exit 1
}
user=root
login=
shell=
while [ $# -gt 0 ]; do
  case "$1" in
    -E|-H|-n|-S|-k|-b|--preserve-env|--preserve-env=*|--non-interactive|--set-home) shift ;;
    -i|--login) login=1; shift ;;
    -s|--shell) shell=1; shift ;;
    -u|--user) [ $# -gt 1 ] || fail "option $1 needs a user"; user=$2; shift 2 ;;
    --user=*) user=${1#*=}; shift ;;
    -u?*) user=${1#-u}; shift ;;
    --) shift; break ;;
    -*) fail "option $1 has no meaning here" ;;
    *=*) export "$1"; shift ;;
    *) break ;;
  esac
done
if [ -n "$login$shell" ]; then
  if [ $# -gt 0 ]; then
    set -- "${SHELL:-/bin/sh}" ${login:+-l} -c 'exec "$@"' sudo "$@"
  else
    set -- "${SHELL:-/bin/sh}" ${login:+-l}
  fi
fi
[ $# -gt 0 ] || exit 0
case "$user" in
  root|'#0') unset MIGSIM_AS_USER; exec "$@" ;;
esac
uid=$(id -u -- "${user#\#}") || exit 1
gid=$(id -g -- "${user#\#}") || exit 1
[ "$(cat /proc/self/setgroups 2>/dev/null)" != deny ] ||
  fail "this shell was entered without root, so there is no user $user in it; run sim shell as root"
exec setpriv --reuid="$uid" --regid="$gid" --init-groups -- "$@"
)SH";

inline constexpr const char* kSu = R"SH(#!/bin/sh
# This shell was entered without root: there is one user in it, called root.
fail() {
  echo "su (simulated machine): $*" >&2
  exit 1
}
user=root
login=
command=
shell=
while [ $# -gt 0 ]; do
  case "$1" in
    -|-l|--login) login=1; shift ;;
    -c|--command) [ $# -gt 1 ] || fail "option $1 needs a command"; command=$2; shift 2 ;;
    --command=*) command=${1#*=}; shift ;;
    -s|--shell) [ $# -gt 1 ] || fail "option $1 needs a program"; shell=$2; shift 2 ;;
    --shell=*) shell=${1#*=}; shift ;;
    -m|-p|--preserve-environment) shift ;;
    --) shift; break ;;
    -*) fail "option $1 has no meaning here" ;;
    *) user=$1; shift ;;
  esac
done
[ "$user" = root ] ||
  fail "this shell was entered without root, so there is no user $user in it; run sim shell as root"
if [ -n "$command" ]; then
  set -- "${shell:-/bin/sh}" ${login:+-l} -c "$command" "$@"
else
  set -- "${shell:-/bin/bash}" ${login:+-l} "$@"
fi
[ -z "$login" ] || exec env -i HOME="${HOME:-/}" TERM="${TERM:-dumb}" USER=root LOGNAME=root \
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
exec "$@"
)SH";

// A systemctl that manages the machine's services (`migctl sim clients`) and passes others to the
// host's.
inline constexpr const char* kSystemctl = R"SH(#!/bin/sh
# In the shell of a simulated machine NVIDIA's services and the display server are the machine's.
real() {
  for program in /usr/bin/systemctl /bin/systemctl; do
    [ ! -x "$program" ] || exec "$program" "$@"
  done
  echo "systemctl (simulated machine): only its own services are here: $machine" >&2
  exit 1
}
machine="nvidia-dcgm nvidia-persistenced nvsm gdm"
verb=
units=
for word in "$@"; do
  case "$word" in
    -*) ;;
    *) if [ -z "$verb" ]; then verb=$word; else units="$units,$word"; fi ;;
  esac
done
case "$verb" in start|stop) ;; *) real "$@" ;; esac
for unit in $(echo "$units" | tr , ' '); do
  case "${unit%.service}" in
    dcgm|nvidia-dcgm|nvidia-persistenced|nvsm|gdm) ;;
    *) real "$@" ;;
  esac
done
[ -n "$units" ] || real "$@"
folder=$(cat /proc/driver/nvidia/migsim 2>/dev/null)
folder=${folder:-$MIGSIM_MACHINE}
MIGSIM_ROOT=${folder%/*} exec migctl sim clients "${folder##*/}" "--$verb" "${units#,}" >/dev/null
)SH";

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_SHELL_SCRIPTS_H_
