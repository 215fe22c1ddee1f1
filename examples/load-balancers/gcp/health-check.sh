#!/bin/sh
# Google Cloud: a health check, the firewall rule it needs, and the backend services that use it. An exporter runs on each
# node, with a health listener on port 9109.
#
#   fail_after 2 x every 20s                        40 s until the verdict falls
#   + check interval 5s x threshold 2               +10 s until the node gets no new requests
#
#   200        the node is healthy, at once
#   503        unhealthy after two, failed or drained: no new requests; open connections have 60 s
#   no answer  as 503; with no node healthy the Application Load Balancer answers 503, the passthrough one uses all
#
# Several probers ask at once, so a node sees more than one check in an interval.
set -eu

network=${NETWORK:-default}
tag=${NODE_TAG:-idp-node}
region=${REGION:-europe-west1}

gcloud compute health-checks create http idp-testall --global \
	--port=9109 --request-path=/testall --host=idp-exporter --response=OK \
	--check-interval=5s --timeout=2s --unhealthy-threshold=2 --healthy-threshold=1

gcloud compute firewall-rules create idp-testall --network="$network" --direction=INGRESS --action=allow \
	--rules=tcp:9109 --source-ranges=35.191.0.0/16,130.211.0.0/22 --target-tags="$tag"

# External Application Load Balancer.
gcloud compute backend-services create idp --global --load-balancing-scheme=EXTERNAL_MANAGED \
	--protocol=HTTPS --port-name=https --health-checks=idp-testall --global-health-checks \
	--connection-draining-timeout=60s

# Internal passthrough Network Load Balancer.
gcloud compute backend-services create idp-internal --region="$region" --load-balancing-scheme=INTERNAL \
	--protocol=TCP --health-checks=idp-testall --global-health-checks --connection-draining-timeout=60s
