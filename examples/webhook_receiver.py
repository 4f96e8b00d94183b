"""A receiver of OnQueue's webhooks, whole and without dependencies: copy it, and put your own work into `handle`.

    WEBHOOK_SECRET=whsec_… PORT=9000 python3 webhook_receiver.py

Python 3.9 and newer run it as it is.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ.get("WEBHOOK_SECRET", "")
if not SECRET.startswith("whsec_"):
    sys.exit("WEBHOOK_SECRET must be the key that GET /v1/webhooks/default/secret shows: whsec_…")
# What follows `whsec_` is base64; the key is what it decodes to.
KEY = base64.b64decode(SECRET[len("whsec_") :])

# OnQueue sends at most 256 KiB.
LONGEST_BODY_BYTES = 1024 * 1024
# Older messages could have been recorded and sent again by somebody else. OnQueue signs anew at each attempt.
TOLERANCE_SECONDS = 5 * 60

# Ids of the messages that were taken: a message can come more than once, always with the same id. A real service
# inserts id and message into a table of its database, with a unique key on the id, before it answers, and works from
# there: then neither a restart nor a second process of it loses a message or acts on it twice.
taken_ids = set()
taking = threading.Lock()


def handle(event, message):
    """Your work goes here, after the answer: OnQueue waits 15 s for that, and then sends the message again later."""
    if event == "prediction.completed":
        if message["error"]:
            result = message["error"]["detail"]
        elif "output" in message:
            result = json.dumps(message["output"], separators=(",", ":"), ensure_ascii=False)
        else:  # a thin or a truncated message
            result = f"see {message['urls']['get']}"
        print(f"prediction {message['id']} {message['status']}: {result}", flush=True)
    elif event == "prediction.started":
        print(f"prediction {message['id']} started", flush=True)
    elif event == "webhook.test":
        print(f"test message {message['id']}", flush=True)
    # other events may be added, and are no reason to refuse a message


def is_signed(message_id, timestamp, signatures, body):
    """One signature for each secret in use, `v1,<base64>`, separated by spaces: any of them that fits will do."""
    digest = hmac.new(KEY, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    return any(hmac.compare_digest(one.encode(), expected) for one in signatures.split(" "))


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open from one message to the next
    timeout = 30  # for a sender that stops in the middle, in seconds

    def do_POST(self):
        message_id = self.headers.get("webhook-id", "")
        timestamp = self.headers.get("webhook-timestamp", "")
        signatures = self.headers.get("webhook-signature", "")
        if not (message_id and timestamp and signatures):
            return self.answer(400, "not a webhook: webhook-id, webhook-timestamp and webhook-signature are needed")
        length = self.headers.get("content-length", "")
        if not re.fullmatch("[0-9]{1,9}", length) or int(length) > LONGEST_BODY_BYTES:
            return self.answer(400, f"content-length must be there, and at most {LONGEST_BODY_BYTES}")
        body = self.rfile.read(int(length))
        sent_at = int(timestamp) if re.fullmatch("[0-9]{1,12}", timestamp) else 0
        if abs(time.time() - sent_at) > TOLERANCE_SECONDS:
            return self.answer(
                401, "webhook-timestamp is more than 5 minutes off: this is a replay, or one of the clocks is wrong"
            )
        if not is_signed(message_id, timestamp, signatures, body):
            return self.answer(
                401, "webhook-signature does not fit: WEBHOOK_SECRET is another one, or the message was changed"
            )
        try:
            message = json.loads(body)
        except ValueError:
            return self.answer(400, "not a whole message")
        with taking:
            is_new = message_id not in taken_ids
            taken_ids.add(message_id)
        self.answer(204)
        if is_new:
            handle(self.headers.get("onqueue-event", ""), message)

    def answer(self, status, sentence=""):
        self.send_response(status)
        if status != 204:
            self.send_header("content-type", "text/plain")
            self.send_header("content-length", str(len(sentence)))
            self.send_header("connection", "close")  # the body may not have been read
        self.end_headers()
        self.wfile.write(sentence.encode())

    def log_message(self, *_):
        """Only messages are printed, not requests."""


class Server(ThreadingHTTPServer):
    request_queue_size = 64  # several messages may come at once


try:
    server = Server(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver)
except OSError as error:
    raise SystemExit(f"can't listen: {error.strerror}; set PORT to another one")
print(f"listening on port {server.server_port}", flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    pass
