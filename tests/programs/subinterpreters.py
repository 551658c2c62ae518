"""Hardens this process in an interpreter with a GIL of its own, and takes a variable there.

Prints what that interpreter saw, and the verdict that the main interpreter sees afterwards. Needs
Python 3.12.
"""

import importlib
import os
import sys

name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
interpreters = importlib.import_module(name)

os.environ["NOTE"] = "value"
CODE = """
import process_hardening as ph
before = ph.status().verdict
ph.pre_main_hardening()
print(before, ph.status().verdict, ph.take_env("NOTE"), ph.recheck().steps, flush=True)
"""
one = interpreters.create()
run = getattr(interpreters, "exec", None) or interpreters.run_string
problem = run(one, CODE)
if problem is not None:
    raise SystemExit(problem)

import process_hardening as ph  # noqa: E402 -- only afterwards: this interpreter is the second one
from process_hardening import _native  # noqa: E402 -- the same

print(ph.status().verdict, _native.read_variable(b"NOTE") is not None)
