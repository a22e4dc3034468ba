#!/bin/sh
# Stops the member when the package goes, and leaves its data.
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
	systemctl disable --now lockkeeper.service
fi
