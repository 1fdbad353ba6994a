#!/bin/sh
# Install what `make system` needs and pip cannot bring, from Debian's packages: PostgreSQL.
set -eu
if ! ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "PostgreSQL is not installed: as root, apt-get install postgresql" >&2
    exit 1
  fi
  echo "installing PostgreSQL (Debian's package postgresql, about 50 MB)"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql > /dev/null
fi
