"""A Toxiproxy-compatible server over asyncio, in a process of its own: `python -m chaos.proxy.server`.

__main__     the command line, the signals, the event loop
api          the HTTP API of Toxiproxy 2.12
leaseholder  what is taken back by itself when its lease runs out (an extension)
collection   all proxies of the process
proxy        one listener and the connections that it accepted
connection   one accepted client and its upstream: two sockets, two links
link         one direction of a connection: a chain of stages, or nothing at all
stage        what a toxic does to one link; the contract of `toxics/`
toxics/      one small file a toxic
toxic        a toxic as the API shows it
decode       JSON bodies, read the way that Toxiproxy reads them
address      `host:port` texts
"""
