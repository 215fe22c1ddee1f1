#!/bin/sh
# Active checks for open-source nginx: asks the exporter about every node, writes idp-nodes.conf, and reloads nginx when
# something changed. A reload is graceful: requests under way are finished by the old workers.
#
#   200            the node is in
#   503            the node is `down`: no new requests
#   anything else  (no answer, 404, 500) no change: an exporter that is silent takes no node out
#
# The last node is never taken out here, whatever the exporter says.
#
# Runs until it is stopped: as a systemd service beside nginx, say. Needs curl.
set -eu

exporter=${IDP_EXPORTER:-http://10.0.0.20:9109}
nodes=${IDP_NODES:-n1=10.0.0.11:443 n2=10.0.0.12:443 n3=10.0.0.13:443} # the exporter's name = the address nginx uses
file=${IDP_NODES_FILE:-/etc/nginx/idp-nodes.conf}
reload=${IDP_RELOAD:-nginx -s reload}
every=${IDP_EVERY:-2} # seconds: added once to the damping the exporter has already done

# was_down ADDRESS: did the file in force have the node down?
was_down() {
	[ -f "$file" ] && grep -qF "server $1 max_fails=2 fail_timeout=10s down;" "$file"
}

# ask writes the nodes as they should be to the new file; it fails if none would be left.
ask() {
	left=0
	: >"$file.new"
	for node in $nodes; do
		name=${node%%=*} address=${node#*=} down=
		code=$(curl --silent --output /dev/null --max-time 2 --write-out '%{http_code}' "$exporter/testall?node=$name") || true
		case $code in
		200) ;;
		503) down=' down' ;;
		*) if was_down "$address"; then down=' down'; fi ;;
		esac
		if [ -z "$down" ]; then left=$((left + 1)); fi
		echo "server $address max_fails=2 fail_timeout=10s$down;" >>"$file.new"
	done
	[ "$left" -gt 0 ]
}

while :; do
	if ask && ! cmp -s "$file.new" "$file"; then
		mv "$file.new" "$file"
		logger -t idp-nodes "$(tr '\n' ' ' <"$file")" 2>/dev/null || true
		$reload || echo "idp-nodes: the reload failed; nginx goes on with its old nodes" >&2
	fi
	sleep "$every"
done
