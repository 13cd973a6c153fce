"""What the broker's route answers to whom, asked as `app.py` asks: logins.py GATEWAY"""

import subprocess
import sys

import boto3
import requests
from aws_requests_auth.aws_auth import AWSRequestsAuth

GATEWAY = sys.argv[1]
PATH = "/prod/databases/app"
WEB = boto3.Session().get_credentials().get_frozen_credentials()[:3]
ANA = ("AKIAEXAMPLEANA000001", "an-example-key-of-ana-that-opens-this-example-only", None)


def ask(who, method, query=""):
    key, secret, token = who
    auth = AWSRequestsAuth(
        aws_access_key=key,
        aws_secret_access_key=secret,
        aws_token=token,
        aws_host=GATEWAY,
        aws_region="us-east-1",
        aws_service="execute-api",
    )
    return requests.request(method, f"http://{GATEWAY}{PATH}{query}", auth=auth if key else None)


def refused(name, response):
    answer = response.json()
    message = answer.get("Message") or answer["message"]
    print(f"{name}: {response.status_code} {message.split(' on resource')[0]}")


login = ask(WEB, "POST", "?format=env")
names = [line.split("=")[0] for line in login.text.splitlines()]
print("env:", login.status_code, login.headers["cache-control"], *names)
script = f"set -a\n{login.text}\npsql -XAt -c 'SELECT count(*) FROM orders'"
print("psql:", subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout.strip())
long = ask(WEB, "POST", "?ttlS=86400").json()
short = ask(WEB, "POST", "?ttlS=1").json()
print("a day and a second:", long["expires"] > short["expires"], long["user"] != short["user"])

refused("unknown parameter", ask(WEB, "POST", "?ttl=1"))
refused("no time", ask(WEB, "POST", "?ttlS=0"))
refused("GET", ask(WEB, "GET"))
refused("ana", ask(ANA, "POST"))
refused("unsigned", ask((None, None, None), "POST"))
