"""
A small agent that drives itself: it asks its model, does what the model asks for, and goes on until the model has no more to ask.

Nothing but Python's own library. Any client of OpenAI's API does as well: it finds the endpoint by OPENAI_BASE_URL and its token by
OPENAI_API_KEY. The task comes on standard input, the answer goes to answer.txt.
"""
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

BASE_URL, TOKEN, MODEL = (os.environ[name] for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"))
TURNS_MAX, TOOL_SECONDS_MAX, RESULT_CHARS_MAX = 20, 30, 8_000

SYSTEM = "You solve small tasks. Compute with the tool; say nothing but the result when you have it."
TOOLS = [{
    "type": "function",
    "function": {
        "name": "python",
        "description": "Runs a Python 3 program and tells what it printed.",
        "parameters": {
            "type": "object",
            "properties": {"code": {"type": "string", "description": "The whole program."}},
            "required": ["code"],
        },
    },
}]


def events(response):
    """What a stream of server-sent events holds, until it says that it is over."""
    for line in response:
        if not line.startswith(b"data: "):
            continue
        data = line[6:].strip()
        if data == b"[DONE]":
            return
        event = json.loads(data)
        if "error" in event:
            raise RuntimeError(event["error"]["message"])
        yield event
    raise RuntimeError("the reply broke off")


def ask(messages):
    """One call: the model's message, put together out of the pieces of the stream."""
    body = {"model": MODEL, "messages": messages, "tools": TOOLS, "temperature": 0, "stream": True}
    request = urllib.request.Request(f"{BASE_URL}/chat/completions", json.dumps(body).encode(), {
        "authorization": f"Bearer {TOKEN}",
        "content-type": "application/json",
    })
    content, calls = "", {}
    with urllib.request.urlopen(request) as response:
        for event in events(response):
            for choice in event["choices"]:
                delta = choice["delta"]
                content += delta.get("content") or ""
                for piece in delta.get("tool_calls") or []:
                    call = calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
                    call["id"] = piece.get("id") or call["id"]
                    call["name"] += piece["function"].get("name") or ""
                    call["arguments"] += piece["function"].get("arguments") or ""
    message = {"role": "assistant", "content": content}
    if calls:
        message["tool_calls"] = [{
            "id": call["id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": call["arguments"]},
        } for call in calls.values()]
    return message


def result_of(call):
    """What a tool call comes to, in words for the model: a mistake of its own is told, too."""
    try:
        code = json.loads(call["arguments"])["code"]
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=TOOL_SECONDS_MAX)
        return (done.stdout + done.stderr)[:RESULT_CHARS_MAX]
    except (ValueError, KeyError, TypeError) as error:
        return f"the arguments do not fit: {error}"
    except subprocess.TimeoutExpired:
        return f"killed after {TOOL_SECONDS_MAX} s"


def main():
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": sys.stdin.read()}]
    for _ in range(TURNS_MAX):
        message = ask(messages)
        messages.append(message)
        if "tool_calls" not in message:
            with open("answer.txt", "w") as file:
                file.write(message["content"])
            return 0
        for call in message["tool_calls"]:
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result_of(call["function"])})
    return "no answer within the turns"


try:
    sys.exit(main())
except urllib.error.HTTPError as refusal:
    # Such as 429 when the trial's budget is used up: the body says why.
    sys.exit(f"{refusal.code}: {refusal.read(2_000).decode(errors='replace')}")
