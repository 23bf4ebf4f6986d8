"""The sample county: a made-up bank in a made-up copy of 兴化, at any scale, byte-identical for a seed."""
