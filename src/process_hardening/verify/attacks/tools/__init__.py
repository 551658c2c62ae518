"""Attacks with existing tools, used as an attacker would use them.

They are judged by what they got, never by their exit status: gdb, pyinjector and others exit with 0
even if they were refused.
"""
