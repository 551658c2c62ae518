"""Print, as JSON, the modules that importing audit loads, and those that taking one loads."""

import sys

before = set(sys.modules)
from process_hardening import audit  # noqa: E402 -- after the modules of the start are known

by_import = set(sys.modules) - before
from process_hardening.audit.render import json as as_json  # noqa: E402 -- the same

document = as_json.audit_as_dict(audit.take(everything=True))
print(
    as_json.render({"by_import": sorted(by_import), "by_take": sorted(set(sys.modules) - before)})
)
