"""Readers: each turns one delivery into batches of text columns, in source order and bounded memory."""
