"""Programs that the tests run inside a rendered project's own environment; each prints JSON."""
