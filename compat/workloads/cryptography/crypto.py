"""Encrypt, sign, make a certificate."""

import datetime

from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

box = Fernet(Fernet.generate_key())
print("decrypted:", box.decrypt(box.encrypt(b"text")) == b"text")
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example")])
start = datetime.datetime(2026, 1, 1)
builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
builder = builder.public_key(key.public_key()).serial_number(7)
builder = builder.not_valid_before(start).not_valid_after(start + datetime.timedelta(1))
builder.sign(key, hashes.SHA256()).verify_directly_issued_by(builder.sign(key, hashes.SHA256()))
print("certificate verified, RSA key of", rsa.generate_private_key(65537, 2048).key_size, "bits")
