"""The reference shop: small, real, and without any knowledge of chaos. What each module is for:

settings      the environment: addresses, variant, and the switch of every defence
web           one web instance: routes, start and end, /readyz
front         what every request passes: bounded concurrency, counting, an answer to every failure
inbound       what a request says: JSON or HTML, session, numbers
pages         home, list, search, product: one query each, and cached
cart          the cart, in the database
checkout      reserve, charge, write down: two round trips; and the order page
settler       pays later what was accepted while the provider was away
naive         how the fragile shop makes its pages and orders
views         the values of the pages, as JSON and as HTML (templates/)
queries       every SQL statement; schema.sql has the tables and functions
database      primary and replica, each stepping in for the other's reads
node          one of them: pool, time limit, breaker
cache         single-flight, stale-if-error, and a copy in the process
provider      the payment provider as the shop calls it
breaker retry failures metrics      the small parts of all that
payments      the payment provider itself, an outside company with its own records
invariants    what must be true once the shop is quiet
postgres unprivileged leftovers     launches PostgreSQL: also as root, also after kill -9
valkey envoy                        launch the cache and the edge
local         the whole shop as processes of one command, for tests and for a look
"""
