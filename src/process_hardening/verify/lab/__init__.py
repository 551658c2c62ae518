"""The laboratory: victims, attackers, and what starts them."""
