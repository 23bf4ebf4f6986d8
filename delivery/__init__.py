"""Marketing lists leave here: one encrypted, accounted package per list and recipient, with names from the vault."""
