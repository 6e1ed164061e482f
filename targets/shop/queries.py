"""Every statement of the shop, each one round trip, with its name in the metrics."""

from __future__ import annotations

from targets.shop.node import Query

_CARD = "p.id, p.name, p.price_cents, p.stock, c.name"
_FROM = "products p JOIN categories c ON c.id = p.category_id"

POPULAR = Query("popular", f"SELECT {_CARD} FROM {_FROM} ORDER BY p.sold DESC, p.id LIMIT 12")  # noqa: S608
# Product ids have no holes, so a page is a range of them.
PAGE = Query("page", f"SELECT {_CARD} FROM {_FROM} WHERE p.id > $1 ORDER BY p.id LIMIT $2")  # noqa: S608
SEARCH = Query(
    "search",
    f"SELECT {_CARD} FROM {_FROM} WHERE p.words @@ plainto_tsquery('simple', $1) "  # noqa: S608
    "ORDER BY p.id OFFSET $2 LIMIT $3",
)
PRODUCT = Query(
    "product",
    "SELECT p.id, p.name, p.description, c.name, p.price_cents, p.stock, "
    "(SELECT json_agg(json_build_array(r.id, r.name, r.price_cents, r.stock, c.name)) FROM "
    "(SELECT * FROM products WHERE category_id = p.category_id AND id > p.id ORDER BY id LIMIT 4) r) "
    "FROM products p JOIN categories c ON c.id = p.category_id WHERE p.id = $1",
)

SET_LINE = Query(
    "set_cart_line",
    "INSERT INTO carts (session, product_id, quantity) VALUES ($1, $2, $3) "
    "ON CONFLICT (session, product_id) DO UPDATE SET quantity = excluded.quantity",
)
DROP_LINE = Query("drop_cart_line", "DELETE FROM carts WHERE session = $1 AND product_id = $2")
CART = Query(
    "cart",
    "SELECT l.product_id, p.name, l.quantity, p.price_cents FROM carts l JOIN products p ON p.id = l.product_id "
    "WHERE l.session = $1 ORDER BY l.added_at, l.product_id",
)

BEGIN = Query("begin", "BEGIN")
COMMIT = Query("commit", "COMMIT")
ROLLBACK = Query("rollback", "ROLLBACK")
PLACE = Query("place_order", "SELECT order_id, order_status, total, problem FROM place_order($1, $2, $3)")
SETTLE = Query("settle_order", "SELECT settle_order($1, $2, $3)")
CLAIM = Query("claim_unpaid", "SELECT order_id, total FROM claim_unpaid($1, $2::text::interval)")
ORDER = Query(
    "order",
    "SELECT o.status, o.total_cents, o.placed_at, "
    "(SELECT json_agg(json_build_array(l.product_id, p.name, l.quantity, l.price_cents) ORDER BY l.product_id) "
    "FROM order_lines l JOIN products p ON p.id = l.product_id WHERE l.order_id = o.id) "
    "FROM orders o WHERE o.id = $1",
)

# The naive shop's: one for the list, then one or more for each thing in it.
POPULAR_IDS = Query("popular_ids", "SELECT id FROM products ORDER BY sold DESC, id LIMIT 12")
PAGE_IDS = Query("page_ids", "SELECT id FROM products WHERE id > $1 ORDER BY id LIMIT $2")
SEARCH_IDS = Query(
    "search_ids",
    "SELECT id FROM products WHERE words @@ plainto_tsquery('simple', $1) ORDER BY id OFFSET $2 LIMIT $3",
)
ONE = Query("one", f"SELECT {_CARD}, p.description, c.id FROM {_FROM} WHERE p.id = $1")  # noqa: S608
RELATED_IDS = Query("related_ids", "SELECT id FROM products WHERE category_id = $1 AND id > $2 ORDER BY id LIMIT 4")
