"""Attacks with tools that others wrote, as an attacker would use them.

They are judged by what they got, never by their exit status: gdb and pyinjector, for two, end
with 0 when they were refused.
"""
