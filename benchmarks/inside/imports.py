"""Runs in a service's environment: prints what `packages.database.config` has loaded that is none of ours."""

import importlib
import sys

sys.path.insert(0, "")
before = set(sys.modules)
importlib.import_module("packages.database.config")
for name in [name for name in sys.modules if name not in before]:
    if name.partition(".")[0] != "packages" and getattr(sys.modules[name], "__spec__", None):
        print(name)
