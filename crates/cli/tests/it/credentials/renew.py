"""Calls the gateway until the session has ended and the SDK has another: renew.py GATEWAY SECONDS"""

import datetime
import sys
import time

import boto3
import requests
from aws_requests_auth.aws_auth import AWSRequestsAuth

GATEWAY, SECONDS = sys.argv[1], float(sys.argv[2])


def call(credentials):
    auth = AWSRequestsAuth(
        aws_access_key=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_token=credentials.token,
        aws_host=GATEWAY,
        aws_region="us-east-1",
        aws_service="execute-api",
    )
    url = f"http://{GATEWAY}/prod/repos/PokaInc/test-github-api/issues"
    response = requests.get(url, auth=auth)
    error = response.headers.get("x-amzn-ErrorType", "")
    return f"{response.status_code} {error}".strip()


credentials = boto3.Session().get_credentials()
print("found by", credentials.method)
first = credentials.get_frozen_credentials()
print("with the first session:", call(first))
time.sleep(SECONDS + 1)
print("after its end:", call(first))
if credentials.method == "iam-role":
    # botocore believes that an instance's session is good for 12 minutes more, whatever its end is:
    # here it is told that they are over.
    credentials._expiry_time = datetime.datetime.now(datetime.timezone.utc)
second = credentials.get_frozen_credentials()
assert second.access_key != first.access_key
print("with the next session:", call(second))
