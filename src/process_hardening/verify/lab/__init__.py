"""The laboratory: victims, attackers, and the code that starts them."""
