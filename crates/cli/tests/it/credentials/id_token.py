"""Prints an ID token of the fixture's provider: id_token.py KEY.pk8"""

import base64
import json
import sys
import time

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


now = int(time.time())
header = {"alg": "RS256", "kid": "test-1", "typ": "JWT"}
claims = {
    "iss": "https://issuer.example/tenant",
    "sub": "repo:octo/app:ref:refs/heads/main",
    "aud": "tollgate",
    "iat": now,
    "exp": now + 600,
}
signed = b".".join(encode(json.dumps(part).encode()) for part in (header, claims))
with open(sys.argv[1], "rb") as file:
    key = load_der_private_key(file.read(), None)
signature = key.sign(signed, padding.PKCS1v15(), SHA256())
print((signed + b"." + encode(signature)).decode())
