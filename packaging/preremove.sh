#!/bin/sh
# dpkg says "remove" and rpm "0" when the package goes for good; an upgrade stops nothing.
set -e
[ -z "$DPKG_ROOT" ] || exit 0
if [ "$1" = remove ] || [ "$1" = 0 ]; then
	if [ -d /run/systemd/system ]; then
		systemctl disable --now unibus.service
	fi
fi
