package server

import (
	"net/url"
	"slices"

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
	late, c, due := s.late, s.conf, s.lured
	lures := s.dialled(c)
	s.reload.Unlock()
	if s.auth == nil {
		return
	}
	up := s.routed()
	due = s.strangers(c, up) || due
	for _, name := range late {
		if away[name]++; up[name] != "" {
			away[name] = 0
		}
		due = due || away[name] >= patience
	}
	switch {
	case due:
		lures = nil
	case len(lures) == 0:
		return
	}
	clear(away)
	if err := s.reloadWith(c, lures); err != nil {
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

// dialled are the addresses of strangers to which this node itself has made a route, because another one whose file is
// older told it about them. nats-server v2.15.2 asks the authentication about accepted routes only
// (reloadAuthorization), and closes one that it has dialled only when its URL leaves the configuration
// (routesOption.Apply). So a route to the stranger is configured and taken out again: the one that is there takes on its
// URL (upgradeRouteToSolicited). Where both have dialled, the connection that was kept may be the stranger's, which does
// not tell its port; it is taken to be the one that it had, or one that other nodes have.
func (s *Server) dialled(c Conf) []string {
	routes, err := s.nats.Routez(nil)
	if err != nil {
		return nil
	}
	var all []string
	for _, r := range routes.Routes {
		if _, n := c.topology.Node(r.RemoteName); n != nil || !r.DidSolicit {
			continue
		}
		all = append(all, hostPort(r.IP, r.Port))
		if at := s.former[r.RemoteName]; at != "" {
			all = append(all, at)
		}
		for _, n := range c.cluster.Nodes {
			all = append(all, hostPort(r.IP, n.ClusterPort))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// alsoTo adds URLs for further addresses to those of the routes.
func alsoTo(routes []*url.URL, addresses []string) []*url.URL {
	if len(routes) == 0 {
		return routes
	}
	like := *routes[0]
	for _, at := range addresses {
		if !slices.ContainsFunc(routes, func(u *url.URL) bool { return u.Host == at }) {
			more := like
			more.Host = at
			routes = append(routes, &more)
		}
	}
	return routes
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
