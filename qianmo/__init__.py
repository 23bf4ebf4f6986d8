"""The `qianmo` command and what every step shares: where data live, exit codes, the steps of a day."""
