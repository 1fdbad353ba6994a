#!/usr/bin/env bash
# Start what compose.yaml would start, from the environment whose bin folder is $STUDBOOK_BIN, ask it, and stop it.
set -euo pipefail
bin=${STUDBOOK_BIN:?set STUDBOOK_BIN to the bin folder of an environment that holds studbook}
work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
export STUDBOOK_HOME=$work/home
studbook() { "$bin/python" -m registry "$@"; }
port=$("$bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
# What the container's health check asks; its only difference is the port.
healthy() { "$bin/python" -c "import urllib.request as u; u.urlopen('$url/health', timeout=4)" 2>/dev/null; }

echo "smoke: the init job, twice, as every start of the stack runs it"
studbook init --operator smoke
studbook init --operator smoke >"$work/again"

echo "smoke: the service"
"$bin/python" -m registry serve --host 127.0.0.1 --port "$port" 2>"$work/serve.log" &
server=$!
for _ in $(seq 100); do
    if healthy; then break; fi
    if ! kill -0 "$server" 2>/dev/null; then
        cat "$work/serve.log" >&2
        exit 1
    fi
    sleep 0.2
done
healthy || { cat "$work/serve.log" >&2; echo "smoke: the service is not healthy" >&2; exit 1; }

echo "smoke: registered beside the running service, asked through it"
mkdir "$work/model"
printf '{"model_type": "none"}\n' >"$work/model/config.json"
studbook add "$work/model" --name smoke/model --license apache-2.0
studbook show smoke/model --registry "$url"
studbook status smoke/model --registry "$url"
studbook incident list --registry "$url"
studbook verify "$work/model" --registry "$url"

echo "smoke: an orderly end, and the log is whole"
kill -TERM "$server"
code=0
wait "$server" || code=$?
server=
if [ "$code" -ne 0 ]; then
    cat "$work/serve.log" >&2
    echo "smoke: told to stop, the service left with exit code $code" >&2
    exit 1
fi
studbook log fsck
echo "smoke: ok"
