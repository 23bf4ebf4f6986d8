"""What business users read: immutable published mart files, and Superset on top of them."""
