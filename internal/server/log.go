package server

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

// natsLog is nats-server's logger. It writes to ours: secrets taken out, in the words of an operator where nats-server's
// own are not (translate), and repeats folded (folder).
type natsLog struct {
	log      hclog.Logger
	redactor *redactor
	folder   *folder
	peers    atomic.Pointer[peers]
	troubles troubles
	stopping atomic.Bool // then only errors are worth telling
	fatal    chan error  // the first fatal error; nats-server logs it and stays half-started
}

func newNatsLog(log hclog.Logger, c Conf) *natsLog {
	l := &natsLog{log: log, redactor: newRedactor(c.secrets()), folder: newFolder(log), fatal: make(chan error, 1)}
	l.peers.Store(newPeers(c))
	return l
}

// Noticef is called by nats-server.
func (l *natsLog) Noticef(format string, v ...any) { l.write(noticeLine, format, v) }

// Warnf is called by nats-server.
func (l *natsLog) Warnf(format string, v ...any) { l.write(warnLine, format, v) }

// Errorf is called by nats-server.
func (l *natsLog) Errorf(format string, v ...any) { l.write(errorLine, format, v) }

// Debugf is called by nats-server.
func (l *natsLog) Debugf(format string, v ...any) { l.write(debugLine, format, v) }

// Tracef is called by nats-server.
func (l *natsLog) Tracef(format string, v ...any) { l.write(traceLine, format, v) }

// Fatalf is called by nats-server, which may hold any lock, so nothing more can be done here.
func (l *natsLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Errorf("nats-server: %s", l.redactor.line(fmt.Sprintf(format, v...))):
	default:
	}
}

func (l *natsLog) write(level int, format string, v []any) {
	e := translate(level, l.redactor.line(fmt.Sprintf(format, v...)), l.peers.Load())
	if aboutRoute(e) {
		l.troubles.note(e, time.Now())
	}
	if e.level < hclog.Error && l.stopping.Load() {
		e.level = min(e.level, hclog.Debug)
	}
	l.folder.add(e)
}

// refusedRoute is told by the authentication of routes; nats-server's own line does not say why.
func (l *natsLog) refusedRoute(from, reason string) {
	e := entry{hclog.Warn, refusedRoute, []any{"from", from, "reason", reason}}
	l.troubles.note(e, time.Now())
	l.folder.add(e)
}
