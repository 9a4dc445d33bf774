"""Measures the services that the template renders, and writes `docs/benchmarks.md`: `make benchmarks`."""
