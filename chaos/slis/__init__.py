"""Where measurements come from that are not the load's own: /metrics, HTTP and SQL; and the invariants' checks."""
