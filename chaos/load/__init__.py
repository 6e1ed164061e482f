"""The open-loop traffic generator, a process of its own, and the runner's side of it. Importing this costs nothing."""

# What speaks HTTP: a connection for each customer, connections that customers share, or libcurl.
ENGINE_NAMES = ("direct", "shared", "curl")
