"""A server that asks the guard about every request, a client that asks too much, and one that does not."""

import http.client
import http.server
import threading

import weightseal as ws

LIMITS = {
    "limits": [
        {"budget": "queries", "limit": 5, "window": 3600},
        {"budget": "tokens", "limit": 2000, "window": 60},
    ]
}


class Completions(http.server.BaseHTTPRequestHandler):
    """Stands for an inference server: each request may have 300 tokens, and uses 120."""

    guard = ws.Guard(limits=LIMITS)

    def do_POST(self):
        decision = self.guard.check(self.headers["Authorization"], max_tokens=300)
        self.send_response(decision.status)
        for name, value in decision.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if decision.allowed:
            self.guard.settle(decision, tokens=120)

    def log_message(self, *_):
        pass


def ask(port, key):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/v1/completions", headers={"Authorization": key})
    response = connection.getresponse()
    connection.close()
    return response


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Completions)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for key, times in (("key-of-mallory", 8), ("key-of-alice", 2)):
        answers = [ask(server.server_port, key) for _ in range(times)]
        print(f"{key}: {' '.join(str(answer.status) for answer in answers)}")
        for name in ("Retry-After", "RateLimit", "RateLimit-Policy"):
            if answers[-1].headers[name]:
                print(f"  {name}: {answers[-1].headers[name]}")
    server.shutdown()
    for event in Completions.guard.events():
        print(f"event: {event.kind}, {event.limit_name}, {event.used} of {event.limit} in {event.window} s")


main()
