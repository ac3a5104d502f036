package main

import (
	"cmp"
	"fmt"

	"github.com/coreos/go-systemd/v22/daemon"

	"unibus/internal/bootstrap"
)

// notify tells systemd, where it has started this process, in what state it is. Nobody else is told.
func notify(states ...string) {
	all := ""
	for _, s := range states {
		all += s + "\n"
	}
	_, _ = daemon.SdNotify(false, all)
}

// notifyReloading tells systemd that the file is being taken up, or that this is over.
func notifyReloading(begins bool) {
	if begins {
		notify(daemon.SdNotifyReloading, daemon.SdNotifyMonotonicUsec())
		return
	}
	notify(daemon.SdNotifyReady)
}

// notifyStatus shows in `systemctl status` how far the declared assets are.
func notifyStatus(s bootstrap.Status) {
	text := cmp.Or(s.Reason, count(len(s.Assets), "asset")+" as declared")
	notify(fmt.Sprintf("STATUS=%s: %s", s.Phase, text))
}
