// Package webtest looks at the page of a daemon in a real Chromium. It is a module of its own, so that the program's own
// go.mod lists nothing of it.
package webtest
