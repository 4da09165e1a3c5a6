"""The processes of an engine with workers, for `scripts/cluster-up.sh`.

    cluster_workers.py SAIL PORT FOLDER [CORE...]

Sail starts its workers by asking the interface of Kubernetes for pods. This program stands in for the few
calls that Sail makes: each pod is a process `sail worker` on this machine. So a worker is what it is on
Kubernetes: a process that is reached over RPC, that may be lost, and in whose place Sail starts another.
A pod is a program that anyone with access to the interface could start. So every call needs a random token,
which only the owner of FOLDER/kubeconfig can read.

FOLDER/workers/N has the number of the process of worker N while it runs. With cores, each worker in turn
runs on one of them alone. Everything ends with this program, even if it is killed.
"""

import ctypes
import hmac
import http.server
import json
import os
import pathlib
import queue
import secrets
import signal
import subprocess
import sys
import threading

LOOPBACK = "127.0.0.1"
# Of Linux: the signal that a process gets when the thread that started it ends.
PR_SET_PDEATHSIG = 1
# Loaded here, because little may be done between a fork and the start of a program.
LIBC = ctypes.CDLL(None)


class Workers:
    """The running workers."""

    def __init__(self, sail, folder, cores):
        self.sail, self.folder, self.cores = sail, folder, cores
        self.started = 0
        self.running = {}
        self.lock = threading.Lock()
        folder.mkdir(exist_ok=True)
        for file in folder.iterdir():
            file.unlink()

    def start(self, pod):
        """Starts the process of a pod."""
        container = pod["spec"]["containers"][0]
        settings = {it["name"]: it["value"] for it in container["env"] if "value" in it}
        # A pod listens on every address, and is told its own.
        settings["SAIL_CLUSTER__WORKER_LISTEN_HOST"] = LOOPBACK
        settings["SAIL_CLUSTER__WORKER_EXTERNAL_HOST"] = LOOPBACK
        command = [self.sail, *container["args"]]
        with self.lock:
            self.started += 1
            number = self.started
            if self.cores:
                core = self.cores[(number - 1) % len(self.cores)]
                command = ["taskset", "--cpu-list", core, *command]
            process = subprocess.Popen(
                command, env={**os.environ, **settings}, preexec_fn=end_with_parent
            )
            self.running[number] = process
            (self.folder / str(number)).write_text(f"{process.pid}\n")
        threading.Thread(target=self.wait, args=(number, process), daemon=True).start()

    def wait(self, number, process):
        process.wait()
        with self.lock:
            del self.running[number]
            (self.folder / str(number)).unlink(missing_ok=True)

    def stop(self):
        with self.lock:
            for process in self.running.values():
                process.terminate()


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def handler(workers, pods, token):
    class Pods(http.server.BaseHTTPRequestHandler):
        """Creates pods, and removes all of them, for callers with the token."""

        protocol_version = "HTTP/1.1"

        def parse_request(self):
            if not super().parse_request():
                return False
            given = self.headers.get("Authorization", "").encode()
            if hmac.compare_digest(given, f"Bearer {token}".encode()):
                return True
            self.close_connection = True
            self.answer(401, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 401})
            return False

        def do_POST(self):
            pod = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            # The main thread starts the processes: they end with the thread that started them.
            pods.put(pod)
            self.answer(201, pod)

        def do_DELETE(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            workers.stop()
            self.answer(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})

        def do_GET(self):
            self.answer(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []})

        def answer(self, code, value):
            body = json.dumps(value).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Pods


def kubeconfig(file, port, token):
    """The file in which Sail finds the interface and its token. Only its owner can read the file."""
    named = {"name": "workers"}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "workers",
        "clusters": [{**named, "cluster": {"server": f"http://{LOOPBACK}:{port}"}}],
        "users": [{**named, "user": {"token": token}}],
        "contexts": [{**named, "context": {"cluster": "workers", "user": "workers"}}],
    }
    # An older file may have other rights.
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as to:
        json.dump(content, to)
    return str(file)


def main(sail, port, folder, *cores):
    folder = pathlib.Path(folder)
    workers, pods = Workers(sail, folder / "workers", cores), queue.Queue()
    token = secrets.token_hex()
    server = http.server.ThreadingHTTPServer((LOOPBACK, 0), handler(workers, pods, token))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = {
        "KUBECONFIG": kubeconfig(folder / "kubeconfig", server.server_port, token),
        "SAIL_MODE": "kubernetes-cluster",
    }
    driver = subprocess.Popen(
        [sail, "flight", "server", "--ip", LOOPBACK, "--port", port],
        env={**os.environ, **settings},
        preexec_fn=end_with_parent,
    )

    def end(*_):
        driver.terminate()

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=lambda: pods.put(driver.wait()), daemon=True).start()
    while isinstance(pod := pods.get(), dict):
        workers.start(pod)
    workers.stop()
    return 0 if pod == -signal.SIGTERM else pod


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
