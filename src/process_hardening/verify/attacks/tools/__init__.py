"""Attacks with existing tools, used as an attacker would use them.

They are judged by what they got, never by their exit status: gdb and pyinjector, among others,
exit with 0 when they were refused.
"""
