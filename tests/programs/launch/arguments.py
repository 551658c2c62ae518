"""Prints its argv and where it looks for modules first, as JSON."""

import json
import sys

print(json.dumps([sys.argv, sys.path[0]]))
