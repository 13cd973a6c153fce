"""Every action of the STS, by boto3 and by the AWS CLI: clients.py ENDPOINT TOKEN_FILE"""

import json
import os
import subprocess
import sys

import boto3
from botocore.exceptions import ClientError

ENDPOINT, TOKEN_FILE = sys.argv[1:]
WEB = "arn:aws:iam::123456789012:role/web"
KEY = "AKIAEXAMPLEANA000001"
SECRET = "an-example-key-of-ana-that-opens-this-example-only"
with open(TOKEN_FILE) as file:
    TOKEN = file.read()


def sts(key, secret, token=None):
    return boto3.client(
        "sts",
        endpoint_url=ENDPOINT,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def who(answer):
    """Asks with the credentials of an answer who they are."""
    credentials = answer["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    client = sts(
        credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
    )
    return client.get_caller_identity()["Arn"]


def code(call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]


ana = sts(KEY, SECRET)
print("boto3 GetCallerIdentity", ana.get_caller_identity()["Arn"])
print("boto3 GetSessionToken", who(ana.get_session_token(DurationSeconds=900)))
print("boto3 AssumeRole", who(ana.assume_role(RoleArn=WEB, RoleSessionName="boto3")))
answer = ana.assume_role_with_web_identity(
    RoleArn=WEB, RoleSessionName="boto3-web", WebIdentityToken=TOKEN
)
assert answer["SubjectFromWebIdentityToken"] == "repo:octo/app:ref:refs/heads/main"
print("boto3 AssumeRoleWithWebIdentity", who(answer))
role = "arn:aws:iam::123456789012:role/admin"
refused = code(ana.assume_role, RoleArn=role, RoleSessionName="x1")
print("boto3 AssumeRole of another role:", refused)
refused = code(ana.assume_role, RoleArn=WEB, RoleSessionName="x1", DurationSeconds=172800)
print("boto3 AssumeRole for two days:", refused)
print("boto3 with another secret:", code(sts(KEY, "guess").get_caller_identity))


def aws(*arguments):
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    command = [sys.executable, "-m", "awscli", "--endpoint-url", ENDPOINT, "sts", *arguments]
    done = subprocess.run(command, env=os.environ | keys, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


print("aws get-caller-identity", aws("get-caller-identity")["Arn"])
print("aws get-session-token", len(aws("get-session-token")))
assume = ["--role-arn", WEB, "--role-session-name"]
print("aws assume-role", aws("assume-role", *assume, "cli")["AssumedRoleUser"]["Arn"])
answer = aws("assume-role-with-web-identity", *assume, "cli-web", "--web-identity-token", TOKEN)
print("aws assume-role-with-web-identity", answer["AssumedRoleUser"]["Arn"])
