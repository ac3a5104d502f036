package server

import (
	"net/url"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// patience is for how many seconds a peer must be away before it is dialled as the file says now. nats-server itself
// tries again after a second, and that is enough where the peer has not moved.
const patience = 3

// routeURLs are the places in the options where the URLs of the routes stand, by the name of the peer.
func (c Conf) routeURLs(opts *natsserver.Options) map[string]*url.URL {
	urls := map[string]*url.URL{}
	if !c.topology.Standalone() {
		for i, n := range c.routes() {
			urls[n.Name] = opts.Routes[i]
		}
	}
	return urls
}

// keepRoutes leaves the URLs of routes that are up as they were, and says which peers that concerns. The password stands
// in the URL, and nats-server v2.15.2 closes every route whose URL changes (diffRoutes). Besides, a peer that has not
// read the new file yet would not take the new password, and one that waits for a restart does not listen on its new
// port yet. tend takes care of the rest.
func (s *Server) keepRoutes(urls map[string]*url.URL) (late []string) {
	up := s.routed()
	for name, u := range urls {
		if was := s.urls[name]; was != nil && was.String() != u.String() && up[name] != "" {
			*u = *was
			late = append(late, name)
		}
	}
	return late
}

// tend is called once a second. A peer whose URL is not that of the file any more is dialled anew when it has been away
// for a while; the map counts the seconds. A node that is not in the file is cut off.
func (s *Server) tend(away map[string]int) {
	s.reload.Lock()
	late, c := s.late, s.conf
	s.reload.Unlock()
	if s.auth == nil {
		return
	}
	up := s.routed()
	due := s.strangers(c, up)
	for _, name := range late {
		if away[name]++; up[name] != "" {
			away[name] = 0
		}
		due = due || away[name] >= patience
	}
	if !due {
		return
	}
	clear(away)
	if err := s.Reload(c); err != nil {
		s.log.log.Warn("the routes cannot be put right", "reason", err)
	}
}

// strangers makes the authentication of routes refuse those of them that are no nodes of the file, and says whether any
// is new to it.
func (s *Server) strangers(c Conf, up map[string]string) bool {
	news := false
	for name, id := range up {
		if _, n := c.topology.Node(name); n == nil && s.auth.stranger(id, name) {
			news = true
		}
	}
	return news
}

// routed are the nodes of the cluster to which there is a live route, with their server IDs.
func (s *Server) routed() map[string]string {
	up := map[string]string{}
	if routes, err := s.nats.Routez(nil); err == nil {
		for _, r := range routes.Routes {
			up[r.RemoteName] = r.RemoteID
		}
	}
	return up
}
