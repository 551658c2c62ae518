"""Render a verification: text for people, JSON, JUnit and HTML. A renderer decides nothing."""
