"""Asks a server whatever its description allows, and some of what it does not, and looks at each answer.

    description.py ADDRESS TOKEN PLACE EXAMPLES SEED [NAME=VALUE...]

The description itself is checked first. Then Schemathesis makes requests of it: no answer may be a failure of the server, have a
status or a kind of content that is not described, or a body of another form. A part of a path that is given by name has that
value: without it no request would ever find what is there. Paths of files in bodies are put below PLACE, so that nothing else
of this machine is looked at.
"""

import itertools
import json
import os
import sys
import tempfile
import urllib.request
from collections import Counter, defaultdict
from pathlib import Path

import schemathesis
from hypothesis.configuration import set_hypothesis_home_dir
from openapi_spec_validator import validate
from schemathesis.cli import schemathesis as command

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]


KEY = "Idempotency-Key"


@schemathesis.deserializer("application/yaml")
def documents(_, response):
    """A stream of documents, where what is described is the text."""
    return response.text


# A stream has no end that could be waited for.
ENDLESS = "/v1/events/stream"


def below(place, value):
    """The same with each path of a file put below a directory."""
    if isinstance(value, dict):
        return {key: below(place, item) for key, item in value.items()}
    if isinstance(value, list):
        return [below(place, item) for item in value]
    if isinstance(value, str) and value.startswith("/"):
        return place + value.replace("..", "__")
    return value


def known(named, place, number, value):
    """The same with names of what is there, and a path that is one."""
    module = f"{named['name']}@{named['version']}"
    there = {"owner": named["team"], "team": named["team"], "module": module, "to": f"{place}/{number}"}
    if isinstance(value, dict):
        return {
            key: there[key] if key in there and isinstance(item, str) else known(named, place, number, item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [known(named, place, number, item) for item in value]
    return value


def main():
    address, token, place, examples, seed, *rest = sys.argv[1:]
    named = dict(one.split("=", 1) for one in rest)
    with urllib.request.urlopen(f"{address}/v1/openapi.json") as answer:
        validate(json.load(answer))

    @schemathesis.serializer("application/wasm")
    def component(context, value):
        return value.encode() if isinstance(value, str) else bytes(value or b"")

    keys = itertools.count()
    statuses = defaultdict(Counter)

    @schemathesis.hook
    def before_call(context, case, **kwargs):
        key, number = case.headers.get(KEY), next(keys)
        if isinstance(case.body, (dict, list)):
            case.body = below(place, case.body)
            if named and number % 4:
                case.body = known(named, place, number, case.body)
        # One that may be is mostly made a new one: what is asked for under the same again is refused or not done.
        if isinstance(key, str) and key.isascii() and key.isprintable() and key.strip() and number % 8:
            case.headers[KEY] = f"{seed}-{number}"

    @schemathesis.hook
    def after_call(context, case, response):
        statuses[case.operation.label][response.status_code] += 1

    lines = [f'"path.{name}" = {json.dumps(value)}' for name, value in named.items()]
    with tempfile.TemporaryDirectory() as aside:
        # What Schemathesis and Hypothesis keep for another time goes with it.
        os.chdir(aside)
        set_hypothesis_home_dir(aside)
        settings = Path(aside, "schemathesis.toml")
        settings.write_text("\n".join(["[parameters]", *lines, ""]))
        arguments = [
            "--config-file", str(settings), "run", f"{address}/v1/openapi.json",
            "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--max-examples", examples,
            "--seed", seed, "--header", f"Authorization: Bearer {token}", "--exclude-path", ENDLESS,
            "--generation-database", "none", "--request-timeout", "30", "--suppress-health-check", "all",
            "--warnings", "off", "--continue-on-failure", "--no-color",
        ]
        ended = 0
        # What is removed is removed last: there is something to ask for before.
        for part in ["--exclude-method", "--include-method"]:
            try:
                command.main([*arguments, part, "DELETE"])
            except SystemExit as end:
                ended = max(ended, end.code or 0)
    # Whether what was asked for was also done shows what the rest is worth.
    for route, times in sorted(statuses.items()):
        print("asked", route, *(f"{status}:{count}" for status, count in sorted(times.items())))
    sys.exit(ended)



if __name__ == "__main__":
    main()
