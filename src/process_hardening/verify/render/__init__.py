"""Rendering model objects: text for people, JSON and other formats for programs.

A reporter takes what verify.py (or another model) made and returns text; it decides nothing.
"""
