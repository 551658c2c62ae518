"""What is judged: one module a kind of rule."""
