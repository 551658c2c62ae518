"""Call remove_tree(FOLDER)."""

import sys

from process_hardening.verify.lab.removal import remove_tree

remove_tree(sys.argv[1])
