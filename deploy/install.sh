#!/usr/bin/env bash
# Run an installation, keep its log, and sum up in one line what it downloaded.
set -euo pipefail
log=$1
shift
start=$(date +%s)
if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "the installation failed; its log is $log" >&2
    exit 1
fi
awk -v took="$(($(date +%s) - start))" '
    /^ *Downloading .*\(/ {
        text = $0; sub(/.*\(/, "", text); split(text, size, /[ )]/)
        unit = size[2] == "kB" ? 1 / 1000 : size[2] == "MB" ? 1 : size[2] == "GB" ? 1000 : 1 / 1000000
        total += size[1] * unit; count++
    }
    /^ *Using cached / { cached++ }
    /^Processing / { cached++ }
    END { printf "installed in %d s: %d files downloaded, %.0f MB; %d taken from this machine\n", took, count, total, cached }
' "$log" >"$log.summary"
cat "$log.summary"
