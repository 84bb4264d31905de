"""A small provider of OpenID Connect on this machine, with a key of its own (RS256). Each line of JSON on its standard input says what it
claims of whoever comes next, and how it errs; the answer is where it is, and how many megabytes were taken of it where it poured. It checks what
a client has to send it, as a strict one does."""

import base64
import hashlib
import json
import math
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, 9.2, note 1
SECRET = "s3cret:/ü"


def prime(bits):
    """Miller-Rabin; such a key signs for a test and for nobody else."""
    small = [n for n in range(3, 2_000, 2) if all(n % d for d in range(3, math.isqrt(n) + 1, 2))]
    while True:
        n = random.getrandbits(bits) | (3 << (bits - 2)) | 1
        if math.gcd(n - 1, 65537) > 1 or any(n % p == 0 for p in small):
            continue
        d, r = n - 1, 0
        while d % 2 == 0:
            d, r = d // 2, r + 1
        for _ in range(20):
            x = pow(random.randrange(2, n - 1), d, n)
            if x not in (1, n - 1) and all((x := x * x % n) != n - 1 for _ in range(r - 1)):
                break
        else:
            return n


class Key:
    def __init__(self, kid):
        p, q = prime(1024), prime(1024)
        self.kid, self.n, self.d = kid, p * q, pow(65537, -1, (p - 1) * (q - 1))

    def public(self):
        number = lambda n: coded(n.to_bytes((n.bit_length() + 7) // 8, "big"))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": number(self.n), "e": number(65537)}

    def sign(self, message):
        tail = DIGEST_INFO + hashlib.sha256(message).digest()
        padded = b"\x00\x01" + b"\xff" * (256 - 3 - len(tail)) + b"\x00" + tail
        return pow(int.from_bytes(padded, "big"), self.d, self.n).to_bytes(256, "big")


def coded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Provider(BaseHTTPRequestHandler):
    key, other = Key("one"), Key("one")
    issuer, says, codes, poured = "", {}, {}, 0

    def log_message(self, *_):
        pass

    def reply(self, status, body, head=()):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in [("Content-Type", "application/json"), ("Content-Length", str(len(data))), *head]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def errs(self, how):
        """Answers as no provider should: until the other side has had enough, or for a minute."""
        if how == "redirects":
            # Whoever goes there is answered as they should be.
            return self.reply(307, {}, [("Location", self.issuer + self.path + "?again")])
        if how == "page":
            data = b"<html><body>Sign in at the hotel's network first</body></html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            return self.wfile.write(data)
        try:
            if how in ("pours", "trickles"):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(100 << 20))
                self.end_headers()
            for _ in range(100 if how == "pours" else 60):
                if how == "pours":
                    self.wfile.write(b" " * (1 << 20))
                    Provider.poured += 1
                    continue
                if how == "trickles":
                    self.wfile.write(b" ")
                time.sleep(1)
        except OSError:
            pass

    def do_GET(self):
        asked = urlsplit(self.path)
        how = self.says.get("answers", {}).get(self.path)
        if how:
            return self.errs(how)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        if asked.path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
            self.reply(200, {"issuer": self.issuer} | {name: self.issuer + path for name, path in places.items()})
        elif asked.path == "/keys":
            self.reply(200, {"keys": [{"kty": "oct", "k": "AA"}, self.key.public()]})
        elif asked.path == "/authorize":
            fit = query["response_type"] == "code" and query["client_id"] == "skein" and "openid" in query["scope"].split()
            if not fit or query["code_challenge_method"] != "S256":
                return self.reply(400, {"error": "invalid_request"})
            code = coded(random.randbytes(16))
            self.codes[code] = query
            back = urlencode({"code": code, "state": query["state"]})
            self.reply(302, {}, [("Location", query["redirect_uri"] + "?" + back)])
        else:
            self.reply(404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        how = self.says.get("answers", {}).get(self.path)
        if how:
            return self.errs(how)
        basic = base64.b64encode(b"skein:s3cret%3A%2F%C3%BC").decode()
        asked = self.codes.pop(form.get("code"), None)
        if self.headers["Authorization"] != "Basic " + basic:
            return self.reply(401, {"error": "invalid_client"})
        challenge = coded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if not asked or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return self.reply(400, {"error": "invalid_grant"})
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "skein", "nonce": asked["nonce"], "iat": now, "exp": now + 300}
        claims |= self.says.get("claims", {})
        head = {"alg": "RS256", "kid": "one"} | self.says.get("head", {})
        message = ".".join(coded(json.dumps(part).encode()) for part in (head, claims)).encode()
        key = self.other if self.says.get("other_key") else self.key
        token = message.decode() + "." + coded(key.sign(message))
        self.reply(200, {"access_token": "a", "token_type": "Bearer", "id_token": token})


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
Provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
threading.Thread(target=server.serve_forever, daemon=True).start()
for line in sys.stdin:
    Provider.says = json.loads(line)
    print(json.dumps({"issuer": Provider.issuer, "poured": Provider.poured}), flush=True)
