#!/bin/sh
# Shopify's toxiproxy-cli, as its users use it: `cli.sh CLI API UPSTREAM`. Shows all that it prints.
set -eu
cli=$1
TOXIPROXY_URL=http://$2
export TOXIPROXY_URL
upstream=$3

refused() {
  if "$cli" "$@" 2>&1; then
    echo "it should have been refused: $*"
    exit 1
  fi
}

"$cli" create --listen 127.0.0.1:0 --upstream "$upstream" cli
refused create --listen 127.0.0.1:0 --upstream "$upstream" cli
"$cli" list
for way in upstream downstream; do
  "$cli" toxic add --type latency --toxicity 0.1 -a latency=150 -a jitter=20 "--$way" cli
  "$cli" toxic add --type bandwidth -a rate=1000 "--$way" cli
  "$cli" toxic add --type slow_close -a delay=5 "--$way" cli
  "$cli" toxic add --type timeout -a timeout=60000 "--$way" cli
  "$cli" toxic add --type reset_peer -a timeout=60000 "--$way" cli
  "$cli" toxic add --type slicer -a average_size=64 -a size_variation=16 -a delay=10 "--$way" cli
  "$cli" toxic add --type limit_data --toxicName "limit $way" -a bytes=1000000 "--$way" cli
done
"$cli" inspect cli
"$cli" toxic update --toxicName latency_upstream --toxicity 0.25 -a latency=300 cli
"$cli" toxic delete --toxicName slicer_downstream cli
refused toxic delete --toxicName slicer_downstream cli
refused toxic add --type latancy cli
refused inspect nobody
"$cli" toggle cli
"$cli" inspect cli
"$cli" toggle cli
"$cli" list
"$cli" delete cli
refused delete cli
"$cli" list
