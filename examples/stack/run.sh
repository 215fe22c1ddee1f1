#!/usr/bin/env bash
# Starts the demo's exporter, Prometheus with the shipped rules, Alertmanager and
# snmptrapd with our MIB as plain processes, wired together on loopback. Ctrl-C
# ends all of it. The variables STACK_… are explained in README.md.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
root=${STACK_ROOT:-}
speed=${STACK_SPEED:-1}
exporter_port=${STACK_EXPORTER_PORT:-9110}
provider_port=${STACK_PROVIDER_PORT:-9111}
prometheus_port=${STACK_PROMETHEUS_PORT:-9090}
alertmanager_port=${STACK_ALERTMANAGER_PORT:-9093}
trap_port=${STACK_TRAP_PORT:-9162}

say() { printf 'stack: %s\n' "$*" >&2; }

program() { # program PACKAGE NAME...: the path of the first of these that is here
  local package=$1 name folder
  shift
  for name in "$@"; do
    for folder in ${root:+"$root/usr/bin" "$root/usr/sbin"}; do
      if [ -x "$folder/$name" ]; then echo "$folder/$name" && return; fi
    done
    PATH=$PATH:/usr/sbin command -v "$name" && return
  done
  say "$1 is not here: install Debian's package $package, or unpack it and set STACK_ROOT to that folder"
  return 1
}

first_file() { # first_file PATTERN...: the first file that matches
  local file
  for file in "$@"; do
    if [ -f "$file" ]; then echo "$file" && return; fi
  done
  return 1
}

complete=yes
prometheus=$(program prometheus prometheus) || complete=no
alertmanager=$(program prometheus-alertmanager prometheus-alertmanager alertmanager) || complete=no
snmptrapd=$(program snmptrapd snmptrapd) || complete=no
exporter=${STACK_EXPORTER:-$(first_file "$repo/idp_exporter" || command -v idp_exporter)} || {
  say "idp_exporter is not here: run \`make build\`, copy it to $repo, or set STACK_EXPORTER to its path"
  complete=no
}
mib=${STACK_MIB:-$(first_file "$repo"/alerts/snmp/IDP-EXPORTER-MIB*)} || {
  say "our MIB is not in $repo/alerts/snmp: set STACK_MIB to the file"
  complete=no
}
# Debian ships the IETF's MIBs, which ours builds on, with erlang-snmp alone.
smi=$(first_file {"$root",}/usr/share/snmp/mibs/SNMPv2-SMI* {"$root",}/usr/share/snmp/mibs/ietf/SNMPv2-SMI* \
  /var/lib/snmp/mibs/ietf/SNMPv2-SMI* {"$root",}/usr/lib/erlang/lib/snmp-*/mibs/SNMPv2-SMI.mib) || {
  say "the IETF's MIBs are not here: install Debian's package erlang-snmp (or snmp-mibs-downloader)"
  complete=no
}
[ "$complete" = yes ] || exit 1

umask 077
dir=${STACK_DIR:-$(mktemp -d)}
mkdir -p "$dir/rules" "$dir/mibs"

# quicker divides the waits of a file by STACK_SPEED, though none to less than
# a second. It leaves expressions and their ranges alone.
quicker() {
  awk -v speed="$speed" 'BEGIN { seconds["s"] = 1; seconds["m"] = 60; seconds["h"] = 3600; seconds["d"] = 86400 }
    speed > 1 && $1 ~ /^(for|keep_firing_for|interval|scrape_interval|evaluation_interval|group_wait|group_interval):$/ && $2 ~ /^[0-9]+[smhd]$/ {
      wait = int($2 * seconds[substr($2, length($2))] / speed + 0.5)
      sub(/[0-9]+[smhd]/, (wait < 1 ? 1 : wait) "s")
    }
    { print }' "$1"
}

# adapt puts our ports and paths in the place of the usual ones, one to a line.
adapt() {
  local folder
  folder=$(printf '%s' "$dir" | sed 's/[&|\\]/\\&/g')
  quicker "$1" | sed -e "s|127.0.0.1:9110|127.0.0.1:$exporter_port|;t" -e "s|127.0.0.1:9093|127.0.0.1:$alertmanager_port|;t" \
    -e "s|127.0.0.1:9162|127.0.0.1:$trap_port|;t" -e "s|/etc/prometheus/idp_exporter/|$folder/rules/|;t" \
    -e "s|/etc/[a-z]*/idp_exporter.token|$folder/token|"
}

token=${IDP_EXPORTER_TOKEN:-$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')}
printf '%s' "$token" >"$dir/token"
for file in prometheus.yml alertmanager.yml bridges.yml; do adapt "$here/$file" >"$dir/$file"; done
if [ -n "${STACK_BRIDGES:-}" ]; then cat "$STACK_BRIDGES" >>"$dir/bridges.yml"; fi
for file in "$repo"/alerts/prometheus/*.rules.yml; do quicker "$file" >"$dir/rules/${file##*/}"; done
cp "$mib" "$dir/mibs/"

declare -A running=() # name of each process that was started, by its id

start() { # start NAME COMMAND...: in the background, with a log of its own
  local name=$1
  shift
  "$@" >"$dir/$name.log" 2>&1 </dev/null &
  running[$!]=$name
  last=$!
}

alive() { # whether any of what was started still runs
  local pid
  for pid in "${!running[@]}"; do
    if kill -0 "$pid" 2>/dev/null; then return 0; fi
  done
  return 1
}

stop() {
  local tries
  trap '' INT TERM
  kill "${!running[@]}" 2>/dev/null || true
  for ((tries = 0; tries < 80; tries++)); do
    alive || break
    sleep 0.1
  done
  if alive; then kill -KILL "${!running[@]}" 2>/dev/null || true; fi
  wait
  if [ -z "${STACK_DIR:-}" ]; then rm -rf "$dir"; fi
}
trap stop EXIT
trap 'exit 0' INT TERM

give_up() { # give_up NAME WHAT: with the end of its log
  say "$1 $2; the end of its log:"
  tail -n 20 "$dir/$1.log" >&2
  exit 1
}

ready() { # ready COMMAND...: waits until the latest process is
  local deadline=$((SECONDS + 120)) name=${running[$last]}
  until "$@"; do
    kill -0 "$last" 2>/dev/null || give_up "$name" "ended"
    [ $SECONDS -lt $deadline ] || give_up "$name" "is not ready after two minutes"
    sleep 0.1
  done
}

answers() { # answers PORT PATH: whether a GET is answered 200
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&3
    read -r -t 5 line <&3
    [[ $line == *" 200 "* ]]
  ) 2>/dev/null
}

libraries=
if [ -n "$root" ]; then libraries=$(printf '%s:' "$root"/usr/lib/*-linux-gnu* "$root"/lib/*-linux-gnu*); fi
start snmptrapd env MIBS= SNMP_PERSISTENT_DIR="$dir/snmp" ${libraries:+LD_LIBRARY_PATH="$libraries"} \
  "$snmptrapd" -f -L e -n -X -C -c "$here/snmptrapd.conf" -M "$dir/mibs:$(dirname "$smi")" -m IDP-EXPORTER-MIB:SNMPv2-MIB \
  -p "$dir/snmptrapd.pid" "udp:127.0.0.1:$trap_port"
ready grep -q 'NET-SNMP version' "$dir/snmptrapd.log"
start exporter env IDP_EXPORTER_TOKEN="$token" "$exporter" demo --config.file="$dir/bridges.yml" \
  --web.listen-address="127.0.0.1:$exporter_port" --provider.listen-address="127.0.0.1:$provider_port"
ready answers "$exporter_port" /-/healthy
start alertmanager "$alertmanager" --config.file="$dir/alertmanager.yml" --storage.path="$dir/alertmanager" \
  --web.listen-address="127.0.0.1:$alertmanager_port" --cluster.listen-address=
ready answers "$alertmanager_port" /-/ready
# How often it repeats alerts to Alertmanager, which it may not have known at the first: 1m, but that is a wait too.
resend=$((60 / speed))
start prometheus "$prometheus" --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/prometheus" \
  --web.listen-address="127.0.0.1:$prometheus_port" --rules.alert.resend-delay="$((resend < 5 ? 5 : resend))s"
ready answers "$prometheus_port" /-/ready

cat <<END
The stack is running.

  can people sign in?   http://127.0.0.1:$exporter_port/  (user: any, password: the token)
  alerts                http://127.0.0.1:$prometheus_port/alerts
  Alertmanager          http://127.0.0.1:$alertmanager_port/
  the SNMP console      tail -f $dir/snmptrapd.log
  other logs            $dir

  the token             export IDP_EXPORTER_TOKEN=\$(cat $dir/token)
  break something       $exporter demo break crm-down --web.listen-address=127.0.0.1:$exporter_port
  put it right          $exporter demo repair crm-down --web.listen-address=127.0.0.1:$exporter_port

Ctrl-C ends it.
END

# None of them ends by itself unless something is wrong.
wait -n -p ended || true
give_up "${running[$ended]}" "ended"
