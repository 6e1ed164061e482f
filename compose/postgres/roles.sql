CREATE ROLE shop LOGIN;

CREATE ROLE shop_ro LOGIN;

ALTER ROLE shop_ro SET default_transaction_read_only = on;

CREATE ROLE shop_repl LOGIN REPLICATION;

CREATE DATABASE shop OWNER shop STRATEGY file_copy;

