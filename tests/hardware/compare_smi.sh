#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs NVIDIA's own nvidia-smi and `migctl smi` one after the other on a machine with a real driver
# and compares output and exit code, byte by byte. Read-only: changes no mode, clock or instance.
#
#   tests/hardware/compare_smi.sh BINDIR OUTDIR
#
# BINDIR holds migctl; OUTDIR gets compare_smi.txt (the table, then every difference) and the raw
# outputs under smi/. NVIDIA_SMI names another nvidia-smi. Exit 0 when the five commands that must be
# equal are; readings that move between two runs (time, power, heat) are compared without digits.
#
# SMI_PROBE_REFUSALS=1 adds changing commands that a GPU with MIG off can only refuse; they are run
# only if every GPU reports MIG mode Disabled.
set -u
bin=${1:?usage: compare_smi.sh BINDIR OUTDIR}
out=${2:?usage: compare_smi.sh BINDIR OUTDIR}
real=${NVIDIA_SMI:-nvidia-smi}
raw=$out/smi
report=$out/compare_smi.txt
mkdir -p "$raw" || exit 1
: >"$report"
: >"$raw/differences"
number=0
must_failed=0

clean() { # exact | readings | labels | shape
  case $1 in
    exact) cat ;;
    # Masks the clock line, and every figure with a unit that varies between runs.
    readings) sed -E -e 's/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) .*/<time>/' \
        -e 's/[0-9]+\/[0-9]+\/[0-9]+ [0-9:.]+/<time>/' \
        -e 's/(Timestamp +: ).*/\1<time>/' -e 's/(<timestamp>).*/\1<time>/' \
        -e 's/ +[0-9]+C / <C> /' -e 's/ +[0-9]+W \// <W> \//' \
        -e 's/[0-9.]+ (W|KB\/s|C|MHz)/<\1>/g' -e 's/ +[0-9]+%/ <%>/g' ;;
    # Masks numbers, but keeps where they end.
    shape) sed -E -e 's/ *[0-9]+( |$)/ N\1/g' -e 's/[0-9]+(, |$)/N\1/g' ;;
    # Keeps only the text before the colon.
    labels) sed -E -e 's/^( *[^:]*[^ :]) *: .*/\1/' -e 's/(Timestamp).*/\1/' ;;
  esac
}

row() {
  printf '%-9s %-4s %s\n' "$1" "$2" "$3" >>"$report"
}

# compare MUST|may KIND ARGUMENTS...: MUST counts for the exit code
compare() {
  must=$1
  kind=$2
  shift 2
  number=$((number + 1))
  a=$raw/$(printf '%02d' "$number").nvidia
  b=$raw/$(printf '%02d' "$number").migctl
  "$real" "$@" >"$a" 2>"$a.err"
  code_a=$?
  "$bin/migctl" smi "$@" >"$b" 2>"$b.err"
  code_b=$?
  clean "$kind" <"$a" >"$a.$kind"
  clean "$kind" <"$b" >"$b.$kind"
  if cmp -s "$a.$kind" "$b.$kind" && [ $code_a -eq $code_b ]; then
    row equal "$must" "nvidia-smi $*  ($kind, exit $code_a)"
    return
  fi
  row DIFFERS "$must" "nvidia-smi $*  ($kind, exit $code_a and $code_b)"
  [ "$must" = MUST ] && must_failed=1
  {
    printf '\n## nvidia-smi %s (%s)\nexit code: nvidia-smi %s, migctl smi %s\n' "$*" "$kind" $code_a $code_b
    [ -s "$a.err" ] && sed 's/^/nvidia-smi stderr: /' "$a.err"
    [ -s "$b.err" ] && sed 's/^/migctl stderr: /' "$b.err"
    diff -u "$a.$kind" "$b.$kind"
  } >>"$raw/differences"
}

{
  echo "NVIDIA's nvidia-smi against migctl smi, $(date -u '+%Y-%m-%dT%H:%M:%SZ')"
  "$real" --version 2>&1 | sed 's/^/  /'
  echo "  kind: exact = byte for byte; readings = moving figures blanked; shape = numbers blanked; labels = text before the colon"
  echo
} >>"$report"

compare MUST exact -L
compare MUST exact mig -lgip
compare MUST exact mig -lgipp
compare MUST exact mig -lgi
compare MUST exact --query-gpu=index,name,uuid,mig.mode.current,mig.mode.pending --format=csv

compare may exact mig -lgip -i 0
compare may exact mig -i 0 -lgipp
compare may exact mig -lcip
compare may exact mig -lcipp
compare may exact mig -lci
compare may exact --version
compare may exact pmon -c 1
compare may readings
compare may readings -i 0
compare may labels -q
compare may readings -q
for section in MEMORY ECC COMPUTE PIDS PERFORMANCE ROW_REMAPPER PAGE_RETIREMENT TEMPERATURE; do
  compare may readings -q -d $section
done
compare may exact --query-gpu=index,name,uuid,gpu_uuid,gpu_name,pci.bus_id,pci.domain,pci.bus,pci.device,pci.device_id,pci.sub_device_id --format=csv
compare may exact --query-gpu=serial,vbios_version,inforom.img,inforom.oem,inforom.ecc,inforom.pwr,count,driver_version,compute_cap --format=csv,noheader
compare may exact --query-gpu=memory.total,memory.reserved,memory.used,memory.free --format=csv
compare may exact --query-gpu=memory.total,memory.used --format=csv,noheader,nounits
compare may exact --query-gpu=persistence_mode,compute_mode,display_mode,display_active,addressing_mode,accounting.mode,driver_model.current,fan.speed,pstate --format=csv
compare may exact --query-gpu=ecc.mode.current,ecc.errors.corrected.volatile.total,ecc.errors.uncorrected.aggregate.total,ecc.errors.uncorrected.volatile.l1_cache,ecc.errors.uncorrected.aggregate.sram.parity,retired_pages.sbe,remapped_rows.correctable --format=csv
compare may readings --query-gpu=timestamp,temperature.gpu,power.draw,power.limit,clocks.sm,clocks.mem,clocks.max.sm,utilization.gpu,utilization.memory --format=csv
compare may exact --query-gpu=clocks_throttle_reasons.active,power.max_limit,enforced.power.limit,gsp.mode.current,c2c.mode,fabric.state,gom.current --format=csv
compare may exact --query-gpu=fabric.status,fabric.cliqueId,fabric.clusterUuid,protected_memory.total,protected_memory.used,protected_memory.free --format=csv
compare may exact --query-compute-apps=pid,process_name,used_memory --format=csv
compare may exact --query-compute-apps=gpu_uuid,pid,name,used_gpu_memory --format=csv,noheader

# XML documents, monitors, topology, lists.
compare may readings -q -x
compare may readings -x -q -i 0
compare may readings -q -u
compare may readings -q -u -x
for section in UTILIZATION POWER CLOCK SUPPORTED_CLOCKS ACCOUNTING ENCODER_STATS FBC_STATS SUPPORTED_GPU_TARGET_TEMP \
  VOLTAGE GSP_FIRMWARE_VERSION POWER_SMOOTHING POWER_PROFILES; do
  compare may readings -q -d $section
done
compare may exact -B
compare may exact --query-supported-clocks=gpu_uuid,memory,graphics --format=csv
compare may exact --query-supported-clocks=mem --format=csv,noheader
compare may exact --query-retired-pages=gpu_uuid,retired_pages.address,retired_pages.cause --format=csv
compare may exact --query-remapped-rows=gpu_uuid,remapped_rows.correctable,remapped_rows.pending,remapped_rows.histogram.max --format=csv
compare may exact --query-accounted-apps=gpu_uuid,pid,gpu_util --format=csv
for line in "dmon -c 1" "dmon -s pucvmet -c 1" "dmon -o DT -c 1" "dmon --format csv -c 1" \
  "dmon --gpm-metrics 1,2,20 -c 3" "pmon -s um -c 1" "pmon -o T -c 1"; do
  # shellcheck disable=SC2086
  compare may shape $line
done
for line in "topo -m" "topo -mp" "topo -p2p r" "topo -p2p p" "topo -n 3 -i 0" "topo -c 0" "topo -C -i 0" \
  "topo -gnid -i 0" "nvlink -s" "nvlink -c" "nvlink -e" "nvlink -R" "c2c -s" "gpm -g" "conf-compute -q" \
  "conf-compute -gm" "vgpu" "drain -q" "stats"; do
  # shellcheck disable=SC2086
  compare may exact $line
done
compare may shape pci -gCnt

# Responses to invalid command lines.
compare may exact -x
compare may exact -q -x -d MEMORY
compare may exact -q --dtd
compare may exact -L -B
compare may exact --query-gpu=index --query-compute-apps=pid
compare may exact -l 0
compare may exact -f /nonexistent/log
compare may exact --query-gpu=no_such_field --format=csv
compare may exact --query-gpu=index
compare may exact --query-gpu=index --format=noheader
compare may exact --query-gpu=index --format=csv,bogus
compare may exact --no-such-option
compare may exact -L extra
compare may exact nonsense
compare may exact -i 99
compare may exact -i GPU-11111111-2222-3333-4444-555555555555 -L
compare may exact -i 0 -L
compare may exact --id 0 --query-gpu index --format csv
compare may exact -L -q
compare may exact -q -d NONSENSE
compare may exact mig
compare may exact mig -bogus
compare may exact mig -lgi -lgip
compare may exact mig -lgi -gi x
compare may exact mig -lgip -i 99
compare may exact pmon -c 0
compare may exact pmon -bogus
compare may exact -L -i 0
compare may exact -L --no-such-option
compare may exact -q extra
compare may exact -q -L
compare may exact --id
compare may exact --format=csv
compare may exact -d MEMORY
compare may exact -i GPU-11111111-2222-3333-4444-555555555555
compare may exact mig -lgip -lgi
compare may exact mig -lgip -gi x
compare may exact mig extra
compare may exact mig -i 0
compare may exact mig -lgi -C
compare may exact pmon -d 0
compare may exact pmon extra

if [ "${SMI_PROBE_REFUSALS:-0}" = 1 ]; then
  modes=$("$real" --query-gpu=mig.mode.current --format=csv,noheader | sort -u)
  if [ "$modes" = Disabled ]; then
    compare may exact mig -dci
    compare may exact mig -dgi
    compare may exact mig -cci
    compare may exact mig -cgi 999
  else
    echo "refusals not probed: MIG mode is '$modes', not Disabled everywhere" >>"$report"
  fi
fi

equal=$(grep -c '^equal' "$report")
differs=$(grep -c '^DIFFERS' "$report")
printf '\n%s equal, %s differ; the five that must be equal: %s\n' "$equal" "$differs" \
  "$([ $must_failed -eq 0 ] && echo all equal || echo NOT all equal)" >>"$report"
cat "$raw/differences" >>"$report"
sed -n '/^## /q;p' "$report"
exit $must_failed
