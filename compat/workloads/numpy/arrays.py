"""Products and a decomposition that OpenBLAS does on threads."""

import os

import numpy as np

a = np.random.default_rng(1).random((800, 800))
product = a @ np.linalg.inv(a)
print("the inverse is right:", np.allclose(product, np.eye(800), atol=1e-6))
u, s, v = np.linalg.svd(a[:300])
print("the decomposition is right:", np.allclose(u @ np.diag(s) @ v[:300], a[:300]))
print(f"threads: {len(os.listdir('/proc/self/task'))}")
