"""Audits as text, JSON and metrics."""
