"""Attacks with existing tools, used as an attacker would use them.

Tools are judged by the data that they got, never by their exit status: gdb, pyinjector and others
exit with 0 even if they were refused access.
"""
