"""The rendered projects, run on real databases."""
