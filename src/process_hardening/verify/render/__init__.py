"""Renders a verification as text, JSON, JUnit XML and HTML. Renderers make no decisions."""
