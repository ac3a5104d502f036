#!/bin/sh
# After an upgrade the old binary goes on until `systemctl restart unibus`: one host at a time, when all others are up.
set -e
[ -z "$DPKG_ROOT" ] || exit 0 # installed into a directory: nobody runs there
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers unibus.conf
elif ! getent passwd unibus >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/unibus --shell /usr/sbin/nologin unibus
fi
chown unibus:unibus /etc/unibus
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
