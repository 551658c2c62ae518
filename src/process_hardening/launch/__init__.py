"""Starting programs so that they are hardened before their first statement."""
