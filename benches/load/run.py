#!/usr/bin/env python3
"""What the gateway costs, against other ways to the same upstream, in one run on one machine.

    cargo build --release -p tollgate -p tollgate-benches --bins
    python3 benches/load/run.py [--seconds 10] [--rounds 3] [--soak 60] [--before target/before/tollgate]

Needs wrk, nginx and botocore (Debian's packages and PyPI's). 64 connections that are kept open post
1 KiB and get 1 KiB back: to the upstream itself, through a bare hyper proxy, through nginx, and through
the gateway with verification, policy, injection and the access log on. To the gateway, requests are
signed with a static key; then with a session that its own STS began by AssumeRole, whose token comes
with every request, and whose own policy must allow it, too. The token makes a request longer for
everybody, so the bare proxy gets such requests as well, and rows are compared with it in theirs. Rounds
take turns, so that what else the machine does falls on all of them; the table shows each one's best round, and the least CPU time
that the server itself took for a request in any round, which other work on the machine changes least.

`--before` names another build of tollgate, to be measured in the same rounds.

`--soak` then keeps the gateway at full speed for so long: its memory must stay flat, and every request
that was answered must have its line in the access log.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import Session

RELEASE = Path(__file__).resolve().parents[2] / "target/release"
ROLE = "arn:aws:iam::123456789012:role/load"
KEY = Credentials("AKIAEXAMPLELOAD00001", "an-example-key-for-the-load-test-only")
BODY = b"x" * 1024
PATH = "/prod/repos/acme/site/issues"
BARE, SESSION = "bare hyper proxy", ", session token"

NGINX = """
worker_processes 1; daemon off; master_process off; pid {folder}/nginx-{name}.pid; error_log {folder}/{name}.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path {folder}/body-{name}; proxy_temp_path {folder}/proxy-{name};
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    {http}
}}
"""
ANSWERS = 'server {{ listen 127.0.0.1:{port} reuseport; location / {{ return 200 "{body}"; }} }}'
PROXIES = """
    upstream target {{ server 127.0.0.1:{target}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://target; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Authorization "token a-secret-of-the-load-test";
        }}
    }}
"""
MANIFEST = """
account = "123456789012"
region  = "us-east-1"
[[principal]]
arn      = "arn:aws:iam::123456789012:user/load"
policies = ["load.json"]
[[principal]]
arn      = "{role}"
policies = ["load.json"]
trust    = "trust.json"
[[api]]
id     = "a1b2c3d4e5"
stages = ["prod"]
[[api.route]]
path       = "/{{proxy+}}"
upstream   = "target"
credential = "token"
[[upstream]]
name    = "target"
url     = "http://127.0.0.1:{target}"
network = "loopback"
[[credential]]
name     = "token"
upstream = "target"
inject   = {{ header = {{ name = "authorization", format = "token {{secret}}" }} }}
secret   = {{ env = "LOAD_TOKEN" }}
[gateway]
listen     = ["127.0.0.1:{port}"]
identities = "identities.toml"
accessLog  = [{{ file = {{ path = "access.jsonl" }} }}]
[sts]
listen     = "127.0.0.1:{sts}"
masterKeys = ["master.key"]
"""
IDENTITIES = """
[[key]]
accessKeyId     = "{}"
secretAccessKey = "{}"
principal       = "arn:aws:iam::123456789012:user/load"
""".format(KEY.access_key, KEY.secret_key)
POLICY = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke",
 "Resource": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/POST/repos/acme/*/issues"}]}"""
TRUST = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
 "Principal": {"AWS": "arn:aws:iam::123456789012:user/load"}}]}"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def nginx(folder, name, http):
    config = folder / f"{name}.conf"
    config.write_text(NGINX.format(folder=folder, name=name, http=http))
    return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(config), "-e", str(folder / "nginx.log")]


def gateway(folder, binary, port, sts, target):
    """The command that starts a gateway, whose files are in a folder of its own."""
    folder.mkdir()
    (folder / "tollgate.toml").write_text(MANIFEST.format(port=port, sts=sts, target=target, role=ROLE))
    (folder / "load.json").write_text(POLICY)
    (folder / "trust.json").write_text(TRUST)
    for name, text in (("identities.toml", IDENTITIES), ("master.key", os.urandom(32).hex())):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text)
    return [str(binary), "serve", "--config", str(folder / "tollgate.toml")]


def session(sts):
    """Credentials of a session that has a policy of its own, from the gateway's STS."""
    session = Session()
    session.set_credentials(KEY.access_key, KEY.secret_key)
    client = session.create_client("sts", "us-east-1", endpoint_url=f"http://127.0.0.1:{sts}")
    issued = client.assume_role(RoleArn=ROLE, RoleSessionName="load", Policy=POLICY)["Credentials"]
    return Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])


def wait_for(port, process):
    for _ in range(200):
        if process.poll() is not None:
            raise SystemExit(f"{process.args[0]} ended: {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{process.args[0]} does not listen on {port}")


def script(folder, port, credentials):
    """A wrk script that sends one signed request; a signature is good for five minutes."""
    request = AWSRequest("POST", f"http://127.0.0.1:{port}{PATH}", data=BODY)
    SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(request)
    lines = [f'wrk.method = "POST"\nwrk.body = string.rep("x", {len(BODY)})']
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in request.headers.items()]
    path = folder / "request.lua"
    path.write_text("\n".join(lines))
    return str(path)


UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def load(folder, port, seconds, credentials=KEY):
    """The command that puts 64 connections at work."""
    address = f"http://127.0.0.1:{port}{PATH}"
    request = script(folder, port, credentials)
    return ["wrk", "-t1", "-c64", f"-d{seconds}s", "--latency", "--timeout", "30s", "-s", request, address]


def cpu_seconds(process):
    """User and system time that a process has taken so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def answered(output):
    """How many requests were answered, all of them well."""
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"not every request was answered:\n{output}")
    return int(re.search(r"(\d+) requests in", output)[1])


def measure(folder, port, process, seconds, credentials):
    """Requests a second, the latencies in ms that half and 99 % of them stay under, and CPU µs a request."""
    before = cpu_seconds(process)
    output = subprocess.run(load(folder, port, seconds, credentials), check=True, capture_output=True, text=True).stdout
    cpu_us = (cpu_seconds(process) - before) / answered(output) * 1e6
    latency = {p: float(v) * UNITS[u] for p, v, u in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)\b", output)}
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]), latency["50"], latency["99"], cpu_us


def resident_mib(process):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1]) / 1024


def lines(path):
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def soak(folder, port, process, seconds):
    """Full speed for so long: memory, and the lines of the access log."""
    before = lines(folder / "access.jsonl")
    working = subprocess.Popen(load(folder, port, seconds), stdout=subprocess.PIPE, text=True)
    samples = []
    while working.poll() is None:
        samples.append(resident_mib(process))
        time.sleep(0.5)
    count = answered(working.stdout.read())
    # The caller has its answer before the line is written.
    for _ in range(100):
        written = lines(folder / "access.jsonl") - before
        if written >= count:
            break
        time.sleep(0.1)
    quarter = max(len(samples) // 4, 1)
    settled, end = max(samples[:quarter]), max(samples[-quarter:])
    print(f"soak: {count:,} requests in {seconds} s, {written:,} lines; resident {settled:.1f} MiB in the first quarter, {end:.1f} MiB in the last")
    # Requests that were under way when the load ended have lines, and were not counted as answered.
    if not count <= written <= count + 64 or end > settled * 1.1 + 1:
        raise SystemExit("memory grows, or lines are missing")


def start(stack, command, port, log):
    """A server, until the stack is left."""
    environment = {"PATH": "/usr/bin:/bin", "LOAD_TOKEN": "a-secret-of-the-load-test"}
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    wait_for(port, process)
    return process


def table(best):
    print(f"{'':32}{'requests/s':>11}{'of bare':>9}{'p50 ms':>8}{'p99 ms':>8}{'CPU µs':>8}{'of bare':>9}")
    for name, (rate, p50, p99, cpu_us) in best.items():
        bare = best[BARE + SESSION if name.endswith(SESSION) else BARE]
        print(f"{name:32}{rate:>11,.0f}{rate / bare[0]:>9.0%}{p50:>8.2f}{p99:>8.2f}{cpu_us:>8.1f}{cpu_us / bare[3]:>9.2f}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=int, default=10)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--soak", type=int, metavar="SECONDS")
    arguments.add_argument("--before", type=Path, metavar="TOLLGATE")
    arguments = arguments.parse_args()
    gateways = {"tollgate": RELEASE / "tollgate"}
    if arguments.before:
        gateways["tollgate before"] = arguments.before
    ports = {name: free_port() for name in ("direct", BARE, "nginx", *gateways)}
    target = ports["direct"]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tollgate-load-")))
        log = stack.enter_context(open(folder / "output", "ab"))
        commands = {
            "direct": nginx(folder, "upstream", ANSWERS.format(port=target, body=BODY.decode())),
            BARE: [str(RELEASE / "bare_proxy"), f"127.0.0.1:{ports['bare hyper proxy']}", f"127.0.0.1:{target}"],
            "nginx": nginx(folder, "proxy", PROXIES.format(port=ports["nginx"], target=target)),
        }
        processes = {name: start(stack, command, ports[name], log) for name, command in commands.items()}
        callers = {name: (name, KEY) for name in processes}
        for name, binary in gateways.items():
            sts = free_port()
            command = gateway(folder / name, binary, ports[name], sts, target)
            processes[name] = start(stack, command, ports[name], log)
            callers[name] = (name, KEY)
            callers[name + SESSION] = (name, session(sts))
        callers[BARE + SESSION] = (BARE, callers["tollgate" + SESSION][1])
        rounds = [
            {
                row: measure(folder, ports[name], processes[name], arguments.seconds, credentials)
                for row, (name, credentials) in callers.items()
            }
            for _ in range(arguments.rounds)
        ]
        if arguments.soak:
            soak(folder / "tollgate", ports["tollgate"], processes["tollgate"], arguments.soak)
    best = {row: max(one[row] for one in rounds) for row in callers}
    table({row: (*one[:3], min(other[row][3] for other in rounds)) for row, one in best.items()})


if __name__ == "__main__":
    main()
