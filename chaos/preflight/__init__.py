"""Is all well before anything is disturbed? `saleproof doctor` prints these checks, and every run begins with those
that matter to it."""
