-- The shop's tables, its three functions and its catalogue. Runs once, in a single-user server, on an empty database.
-- Statements are separated by an empty line (`postgres --single -j`), so none may contain one.

CREATE TABLE categories (
    id   int  PRIMARY KEY,
    name text NOT NULL UNIQUE
);

-- `initial_stock` never changes: what was ordered and what is left must always add up to it. `sold` counts since the
-- shop opened, long before this database: it only says what is popular.
CREATE TABLE products (
    id            int    PRIMARY KEY,
    category_id   int    NOT NULL REFERENCES categories,
    name          text   NOT NULL,
    description   text   NOT NULL,
    price_cents   int    NOT NULL CHECK (price_cents > 0),
    initial_stock int    NOT NULL,
    stock         int    NOT NULL,
    sold          int    NOT NULL DEFAULT 0,
    words         tsvector NOT NULL
);

CREATE TABLE carts (
    session    text NOT NULL,
    product_id int  NOT NULL REFERENCES products,
    quantity   int  NOT NULL CHECK (quantity BETWEEN 1 AND 20),
    added_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session, product_id)
);

-- placed: stock is reserved. pending: the customer was told "accepted", the payment follows. paid, cancelled: final.
CREATE TABLE orders (
    id              text PRIMARY KEY,
    idempotency_key text UNIQUE,
    session         text NOT NULL,
    status          text NOT NULL CHECK (status IN ('placed', 'pending', 'paid', 'cancelled')),
    total_cents     bigint NOT NULL,
    placed_at       timestamptz NOT NULL DEFAULT now(),
    claimed_until   timestamptz NOT NULL DEFAULT '-infinity'
);

CREATE TABLE order_lines (
    order_id    text NOT NULL REFERENCES orders,
    product_id  int  NOT NULL REFERENCES products,
    quantity    int  NOT NULL,
    price_cents int  NOT NULL,
    PRIMARY KEY (order_id, product_id)
);

-- One row for each charge that the provider told us of. Not unique by order: paying twice must be visible, not hidden.
CREATE TABLE payments (
    reference    text PRIMARY KEY,
    order_id     text NOT NULL REFERENCES orders,
    amount_cents bigint NOT NULL,
    paid_at      timestamptz NOT NULL DEFAULT now()
);

INSERT INTO categories
SELECT i, (ARRAY['Tops', 'Bottoms', 'Outerwear', 'Shoes', 'Accessories'])[i] FROM generate_series(1, 5) i;

-- 5,000 products: every one of 25 makes x 10 colours x 20 things, the same on every machine.
INSERT INTO products (id, category_id, name, description, price_cents, initial_stock, stock, sold, words)
SELECT id, category_id, name,
       name || ', made to last. Washed soft, cut straight, and packed without plastic. Item ' || id || ' of our range.',
       price_cents, stock, stock, sold, to_tsvector('simple', name)
FROM (
    SELECT i + 1 AS id,
           1 + (i % 20) / 4 AS category_id,
           make || ' ' || colour || ' ' || thing AS name,
           990 + (i * 7919) % 14000 AS price_cents,
           20000 + (i * 31) % 5000 AS stock,
           (i * 7919) % 5003 AS sold
    FROM generate_series(0, 4999) i,
         LATERAL (SELECT
            (ARRAY['Cotton', 'Linen', 'Merino', 'Denim', 'Corduroy', 'Flannel', 'Velvet', 'Canvas', 'Poplin', 'Jersey',
                   'Tweed', 'Hemp', 'Silk', 'Cashmere', 'Oxford', 'Twill', 'Chambray', 'Alpaca', 'Waxed', 'Quilted',
                   'Ribbed', 'Woven', 'Knitted', 'Brushed', 'Recycled'])[1 + (i / 200) % 25] AS make,
            (ARRAY['red', 'blue', 'green', 'black', 'white', 'yellow', 'grey', 'navy', 'orange', 'purple'])[1 + (i / 20) % 10] AS colour,
            (ARRAY['shirt', 'blouse', 'polo', 'sweater', 'trousers', 'shorts', 'skirt', 'leggings', 'jacket', 'coat',
                   'parka', 'vest', 'sneakers', 'boots', 'sandals', 'loafers', 'scarf', 'belt', 'bag', 'hat'])[1 + i % 20] AS thing
         ) words
) made;

-- Ten limited editions with three pieces each: what a sale fights over.
INSERT INTO products (id, category_id, name, description, price_cents, initial_stock, stock, words)
SELECT 5000 + i, 5, 'Limited gold medal no. ' || i, 'One of three pieces. When they are gone, they are gone.',
       25000, 3, 3, to_tsvector('simple', 'limited gold medal')
FROM generate_series(1, 10) i;

CREATE INDEX products_by_category ON products (category_id, id);

CREATE INDEX products_by_sold ON products (sold DESC, id);

CREATE INDEX products_by_word ON products USING gin (words);

CREATE INDEX order_lines_by_product ON order_lines (product_id);

CREATE INDEX payments_by_order ON payments (order_id);

CREATE INDEX orders_unpaid ON orders (placed_at) WHERE status IN ('placed', 'pending');

-- Reserve the stock of a cart and write the order, in one round trip. The same key gives the same order again.
-- problem: NULL, 'empty' or 'sold out'.
CREATE FUNCTION place_order(p_order text, p_key text, p_session text,
                            OUT order_id text, OUT order_status text, OUT total bigint, OUT problem text)
LANGUAGE plpgsql AS $$
DECLARE
    lines int;
    reserved int;
BEGIN
    SELECT o.id, o.status, o.total_cents INTO order_id, order_status, total FROM orders o WHERE o.idempotency_key = p_key;
    IF FOUND THEN RETURN; END IF;
    -- A second try with the same key waits here for the first one, and then finds its order.
    PERFORM 1 FROM carts c WHERE c.session = p_session ORDER BY c.product_id FOR UPDATE;
    SELECT o.id, o.status, o.total_cents INTO order_id, order_status, total FROM orders o WHERE o.idempotency_key = p_key;
    IF FOUND THEN RETURN; END IF;
    -- Locked in one order, so that two carts with the same products cannot deadlock.
    PERFORM 1 FROM products p JOIN carts c ON c.product_id = p.id WHERE c.session = p_session ORDER BY p.id FOR UPDATE OF p;
    SELECT count(*), sum(p.price_cents::bigint * c.quantity), count(*) FILTER (WHERE p.stock >= c.quantity)
        INTO lines, total, reserved
        FROM carts c JOIN products p ON p.id = c.product_id WHERE c.session = p_session;
    IF lines = 0 THEN problem := 'empty'; RETURN; END IF;
    IF reserved < lines THEN problem := 'sold out'; RETURN; END IF;
    UPDATE products p SET stock = p.stock - c.quantity, sold = p.sold + c.quantity
        FROM carts c WHERE c.session = p_session AND p.id = c.product_id;
    INSERT INTO orders (id, idempotency_key, session, status, total_cents) VALUES (p_order, p_key, p_session, 'placed', total);
    INSERT INTO order_lines SELECT p_order, c.product_id, c.quantity, p.price_cents
        FROM carts c JOIN products p ON p.id = c.product_id WHERE c.session = p_session;
    DELETE FROM carts c WHERE c.session = p_session;
    order_id := p_order;
    order_status := 'placed';
END $$;

-- Write down how the payment went: 'paid' with the provider's reference, 'pending', or 'cancelled' (stock goes back).
-- Idempotent; a final status never changes. Returns the status that the order has now.
CREATE FUNCTION settle_order(p_order text, p_outcome text, p_reference text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    was text;
    amount bigint;
BEGIN
    SELECT status, total_cents INTO was, amount FROM orders WHERE id = p_order FOR UPDATE;
    IF was IS NULL OR was IN ('paid', 'cancelled') OR was = p_outcome THEN RETURN was; END IF;
    IF p_outcome = 'paid' THEN
        INSERT INTO payments (reference, order_id, amount_cents) VALUES (p_reference, p_order, amount) ON CONFLICT DO NOTHING;
    ELSIF p_outcome = 'cancelled' THEN
        UPDATE products p SET stock = p.stock + l.quantity, sold = p.sold - l.quantity
            FROM order_lines l WHERE l.order_id = p_order AND p.id = l.product_id;
    END IF;
    UPDATE orders SET status = p_outcome WHERE id = p_order;
    RETURN p_outcome;
END $$;

-- Orders whose payment is still to be made, leased to the caller for `p_lease`. Orders that were placed and never
-- answered (the web instance died) are picked up after 10 s.
CREATE FUNCTION claim_unpaid(p_limit int, p_lease interval) RETURNS TABLE (order_id text, total bigint)
LANGUAGE sql AS $$
    UPDATE orders SET claimed_until = now() + p_lease WHERE id IN (
        SELECT id FROM orders
        WHERE status IN ('placed', 'pending') AND claimed_until < now()
          AND (status = 'pending' OR placed_at < now() - interval '10 s')
        ORDER BY placed_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
    RETURNING id, total_cents
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shop;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO shop_ro;

VACUUM (FREEZE, ANALYZE);

CHECKPOINT;
