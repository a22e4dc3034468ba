#!/bin/sh
# Makes the user and the directories. The member is not started: it listens on loopback and is alone
# until somebody has said otherwise.
set -e
systemd-sysusers lockkeeper.conf
systemd-tmpfiles --create lockkeeper.conf
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	# An upgrade: the quorum has another of its members away for a moment. Do one machine at a time.
	if [ "$1" = configure ] && [ -n "$2" ]; then
		systemctl try-restart lockkeeper.service
	fi
fi
