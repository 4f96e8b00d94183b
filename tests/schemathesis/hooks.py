"""Checks of our own for schemathesis: see schemathesis.toml beside it."""

import schemathesis

# A model that can't take what its schema allows (numbers beyond float32, say) fails, and the row says so.
FAILURES_OF_MODELS = {"rows_failed", "invalid_output", "inference_failed"}


@schemathesis.check
def error_has_its_place(ctx, response, case):
    """An error is a problem document with a code, and one of the server's own is never a caller's doing."""
    if response.status_code < 400:
        return
    kind = response.headers.get("content-type", [""])[0]
    assert kind == "application/problem+json", f"an error of type {kind!r}"
    problem = response.json()
    missing = {"type", "title", "status", "detail", "code", "request_id"} - problem.keys()
    assert not missing, f"the problem document lacks {sorted(missing)}"
    assert problem["status"] == response.status_code
    assert problem["request_id"] == response.headers["x-request-id"][0]
    if response.status_code >= 500:
        assert problem["code"] in FAILURES_OF_MODELS, problem
