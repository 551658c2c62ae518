"""Real attacks on real processes: the victims, the attacks and the laboratory they meet in.

model.py says what an attack is, registry.py lists them, victim.py is what they are aimed at,
launcher.py starts it, lab.py brings both together as an unprivileged user.
"""
