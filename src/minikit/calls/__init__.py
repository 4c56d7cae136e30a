"""One call: request, completion, retry, transports."""
