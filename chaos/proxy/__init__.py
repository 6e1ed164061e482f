"""The fault proxy: its client over toxiproxy-python, the probes through a link, and the embedded server."""
