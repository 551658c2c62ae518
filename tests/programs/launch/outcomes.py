"""Hardens itself and prints the outcome of each step, as JSON."""

import json

import process_hardening as ph

report = ph.pre_main_hardening()
print(json.dumps([report.inspection, report.core_limit, report.environment]))
