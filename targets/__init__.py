"""Systems under test that ship with Saleproof. Nothing here imports `chaos`, and `chaos` imports nothing from here."""
