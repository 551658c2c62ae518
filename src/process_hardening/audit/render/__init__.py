"""Renders audits as text, HTML, JSON and metrics."""
